import { about, TenantKnexError } from '../base/errors.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { databaseOf } from './binding.ts'
import type { BuilderParts, SchemaBuilderParts, TableBuilderParts } from './dialect.ts'
import { isDescription, isInformationSchema } from './information-schema.ts'

/** Schema methods whose second argument names a table too. */
const TWO_TABLES = new Set(['createTableLike', 'renameTable', 'renameView'])
/** Schema methods whose arguments are SQL, not names. */
const NOT_TABLES = new Set(['raw'])

/**
 * Checks that a query builder names only tables of its tenant's database. It refuses `withSchema('other')`
 * and `'other.table'`, which Knex compiles to a database and a table. Descriptions in `information_schema`
 * may be read.
 *
 * @throws `ERR_WRONG_TENANT`
 */
export function checkTables({ _single, _statements = [] }: BuilderParts, tenant: Tenant): void {
  checkSource(_single?.schema, _single?.table, tenant)
  for (const { grouping, schema, table } of _statements) {
    if (grouping === 'join') checkSource(schema, table, tenant)
  }
}

/** Like {@link checkTables}, for a schema builder. @throws `ERR_WRONG_TENANT` */
export function checkSchemaTables(
  { _schema, _sequence = [] }: SchemaBuilderParts,
  tenant: Tenant,
): void {
  checkSource(_schema, undefined, tenant)
  for (const { method, args } of _sequence) {
    if (NOT_TABLES.has(method)) continue
    checkSource(_schema, args[0], tenant)
    if (TWO_TABLES.has(method)) checkTable(args[1], tenant)
  }
}

/** Checks the tables that a table's foreign keys refer to. @throws `ERR_WRONG_TENANT` */
export function checkForeignKeys({ _statements = [] }: TableBuilderParts, tenant: Tenant): void {
  for (const { method, args } of _statements) {
    if (method === 'foreign') checkTable((args?.[0] as { inTable?: unknown })?.inTable, tenant)
  }
}

/**
 * The error for using an object of one tenant as another tenant. Within one tenantKnex a tenant is one
 * object. So two tenant objects with the same id belong to two tenantKnexes.
 */
export function wrongTenant(what: string, tenant: Tenant, other: Tenant | undefined): Error {
  const whose = other ? `of tenant ${JSON.stringify(other.id)}` : 'of no tenant'
  const isElsewhere = other !== undefined && other.id === tenant.id
  return refusal(
    isElsewhere ? `${what} ${whose}, but of another tenantKnex,` : `${what} ${whose}`,
    tenant,
    isElsewhere ? ANOTHER_TENANT_KNEX : '',
  )
}

const ANOTHER_TENANT_KNEX =
  ' Each createTenantKnex() has its own connections: use objects of this one only, even if they share a scope.'

/** The error for using a builder of a Knex with its own database in a tenant's query. */
export function withoutTenant(what: string, tenant: Tenant): Error {
  return refusal(
    `${what} of a Knex without tenants`,
    tenant,
    " There it would read this tenant's tables. Make it with this tenant's Knex; if it is for " +
      'another database, await it first and pass its result on.',
  )
}

/** The error for using a tenant's object in a Knex without tenants. */
export function outsideTenants(what: string, tenant: Tenant): Error {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `${what} of tenant ${JSON.stringify(tenant.id)} was used by a Knex without tenants. Nothing was sent. ` +
      'Make it with the Knex whose query it is in.',
    { ...about(tenant), outcome: 'not-sent' },
  )
}

/** The error for requesting a connection that is not kept in a tenant's database. */
export function withoutGate(tenant: Tenant): Error {
  return new TenantKnexError(
    'ERR_STATEMENT_REFUSED',
    `Tenant ${JSON.stringify(tenant.id)} was refused a raw connection: nothing would keep it in the ` +
      "tenant's database. Use `client.acquireConnection()`, and release it with " +
      '`client.releaseConnection(connection)`. Nothing was sent.',
    { ...about(tenant), outcome: 'not-sent' },
  )
}

function refusal(what: string, tenant: Tenant, hint: string): Error {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `${what} was used by tenant ${JSON.stringify(tenant.id)}. Nothing was sent.${hint}`,
    { ...about(tenant), outcome: 'not-sent' },
  )
}

/** Checks a table, and the database that `withSchema` names. */
function checkSource(schema: unknown, table: unknown, tenant: Tenant): void {
  if (!isInformationSchema(schema)) {
    checkSchema(schema, tenant)
    checkTable(table, tenant)
  } else if (isCompiled(table)) checkTable(table, tenant)
  else if (table) checkName(`${schema}.${table}`, tenant) // as Knex joins the two
}

function checkSchema(schema: unknown, tenant: Tenant): void {
  if (typeof schema !== 'string' && !schema) return // no schema
  if (String(schema) === databaseOf(tenant)) return // as Knex converts it to a name
  throw foreignDatabase(String(schema), tenant)
}

/**
 * Checks a table in each form that Knex takes: a name, a name with alias, aliases by name, or a compiled
 * part.
 */
function checkTable(table: unknown, tenant: Tenant): void {
  if (typeof table === 'string') checkName(table, tenant)
  else if (Array.isArray(table)) for (const item of table) checkTable(item, tenant)
  else if (isRef(table)) checkRef(table, tenant)
  else if (isAliases(table)) {
    for (const alias in table) checkTable(table[alias], tenant)
  }
}

function checkName(name: string, tenant: Tenant): void {
  const dot = name.indexOf('.')
  if (dot === -1) return
  const alias = name.search(/ as /i)
  if (alias !== -1 && alias < dot) return
  const database = name.slice(0, dot).trim()
  if (isInformationSchema(database)) {
    checkDescription(name.slice(dot + 1, alias === -1 ? undefined : alias).trim(), tenant)
  } else if (database !== databaseOf(tenant)) throw foreignDatabase(database, tenant)
}

function checkDescription(table: string, tenant: Tenant): void {
  if (isDescription(table)) return
  throw new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A query of tenant ${JSON.stringify(tenant.id)} names information_schema.${table}. Builders may ` +
      'read only tables there that describe tables: the others can show statements and values of all ' +
      'tenants. Nothing was sent.',
    { ...about(tenant), outcome: 'not-sent' },
  )
}

/** A `knex.ref()` that is used as a table. Its `ref` can be any form of table. */
interface RefParts {
  readonly ref: unknown
  readonly _schema?: unknown
}

function isRef(value: unknown): value is RefParts {
  const { isRawInstance, ref } = (value ?? {}) as { isRawInstance?: unknown; ref?: unknown }
  return isRawInstance === true && ref !== undefined
}

function checkRef({ ref, _schema }: RefParts, tenant: Tenant): void {
  if (isInformationSchema(_schema)) checkName(`${_schema}.${ref}`, tenant)
  else {
    checkSchema(_schema ?? undefined, tenant)
    checkTable(ref, tenant)
  }
}

/** Knex reads every other object as names by their aliases. */
function isAliases(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !isCompiled(value)
}

/** True for a builder, a raw statement, or a function that makes one. */
function isCompiled(value: unknown): boolean {
  if (typeof value === 'function') return true
  const { isRawInstance, toSQL } = (value ?? {}) as { isRawInstance?: unknown; toSQL?: unknown }
  return isRawInstance === true || typeof toSQL === 'function'
}

function foreignDatabase(database: string, tenant: Tenant): Error {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A query of tenant ${JSON.stringify(tenant.id)} names the database ` +
      `${JSON.stringify(database)}; its own is ${JSON.stringify(tenant.database)}. Nothing was sent.`,
    { ...about(tenant), outcome: 'not-sent' },
  )
}
