import { about, TenantKnexError } from '../errors.ts'
import type { Tenant } from '../identifiers.ts'
import { databaseOf } from './binding.ts'
import type { BuilderParts, SchemaBuilderParts, TableBuilderParts } from './dialect.ts'

/** Schema methods whose second argument names a table too. */
const TWO_TABLES = new Set(['createTableLike', 'renameTable', 'renameView'])
/** Schema methods whose arguments are SQL, not names. */
const NOT_TABLES = new Set(['raw'])

/**
 * Checks that a query builder names only tables of its tenant's database: `withSchema('other')` and
 * `'other.table'`, which Knex compiles as database and table, are refused.
 *
 * @throws `ERR_WRONG_TENANT`
 */
export function checkTables({ _single, _statements = [] }: BuilderParts, tenant: Tenant): void {
  checkSchema(_single?.schema, tenant)
  checkTable(_single?.table, tenant)
  for (const statement of _statements) {
    if (statement.grouping !== 'join') continue
    checkSchema(statement.schema, tenant)
    checkTable(statement.table, tenant)
  }
}

/** The same for a schema builder. @throws `ERR_WRONG_TENANT` */
export function checkSchemaTables(
  { _schema, _sequence = [] }: SchemaBuilderParts,
  tenant: Tenant,
): void {
  checkSchema(_schema, tenant)
  for (const { method, args } of _sequence) {
    if (NOT_TABLES.has(method)) continue
    checkTable(args[0], tenant)
    if (TWO_TABLES.has(method)) checkTable(args[1], tenant)
  }
}

/** The same for the tables that a table's foreign keys refer to. @throws `ERR_WRONG_TENANT` */
export function checkForeignKeys({ _statements = [] }: TableBuilderParts, tenant: Tenant): void {
  for (const { method, args } of _statements) {
    if (method === 'foreign') checkTable((args?.[0] as { inTable?: unknown })?.inTable, tenant)
  }
}

/**
 * What fails when something of one tenant is used by another. Two tenants with one id are of two
 * tenantKnexes: within one, a tenant is one object.
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
  ' Each createTenantKnex() has connections of its own: call it once, and share what it gives.'

/** What fails when a tenant's query would take in a builder of a Knex that has a database of its own. */
export function withoutTenant(what: string, tenant: Tenant): Error {
  return refusal(
    `${what} of a Knex without tenants`,
    tenant,
    " There it would read this tenant's tables. Make it with this tenant's Knex; if it is for " +
      'another database, await it first and pass its result on.',
  )
}

/** What fails when a connection is asked for that nothing would keep in a tenant's database. */
export function withoutGate(tenant: Tenant): Error {
  return new TenantKnexError(
    'ERR_STATEMENT_REFUSED',
    `Tenant ${JSON.stringify(tenant.id)} was refused a raw connection: nothing would keep it in the ` +
      "tenant's database. Use `client.acquireConnection()`, and give it back by " +
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

function checkSchema(schema: unknown, tenant: Tenant): void {
  if (typeof schema !== 'string' && !schema) return // none
  if (String(schema) === databaseOf(tenant)) return // as Knex makes a name of it
  throw foreignDatabase(String(schema), tenant)
}

/** A table as Knex takes it: a name, a name with alias, aliases by name, or something compiled. */
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
  if (database !== databaseOf(tenant)) throw foreignDatabase(database, tenant)
}

/** A `knex.ref()`, which can stand for a table. */
interface RefParts {
  readonly ref: string
  readonly _schema?: unknown
}

function isRef(value: unknown): value is RefParts {
  const { isRawInstance, ref } = (value ?? {}) as { isRawInstance?: unknown; ref?: unknown }
  return isRawInstance === true && typeof ref === 'string'
}

function checkRef({ ref, _schema }: RefParts, tenant: Tenant): void {
  checkSchema(_schema ?? undefined, tenant)
  checkName(ref, tenant)
}

/** Knex takes any object that it need not compile for names by their aliases. */
function isAliases(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { isRawInstance, toSQL } = value as { isRawInstance?: unknown; toSQL?: unknown }
  return isRawInstance !== true && typeof toSQL !== 'function'
}

function foreignDatabase(database: string, tenant: Tenant): Error {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A query of tenant ${JSON.stringify(tenant.id)} names the database ` +
      `${JSON.stringify(database)}; its own is ${JSON.stringify(tenant.database)}. Nothing was sent.`,
    { ...about(tenant), outcome: 'not-sent' },
  )
}
