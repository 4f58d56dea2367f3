import type { Knex } from 'knex'
import { serverErrno, TenantKnexError } from '../base/errors.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import { call, withConnection } from './raw-connection.ts'

/** Marks a database as prepared for storms. Its one row names the tenant. */
export const MARKER = 'tenant_knex_storm'
/** Has the same keys for every tenant. Each row names the tenant. */
export const ITEMS = 'tenant_knex_storm_items'
/** Has the rows that operations write, each with its tag. */
export const WRITES = 'tenant_knex_storm_writes'
/** Names its tenant in one row. Sessions hide it behind a temporary table of the same name. */
export const SHADE = 'tenant_knex_storm_shade'

/** The number of rows in {@link ITEMS}. */
export const ITEM_COUNT = 100

const TABLES = [MARKER, ITEMS, WRITES, SHADE]

/** Databases that are checked or prepared at a time. */
const AT_A_TIME = 8

const ER_NO_SUCH_TABLE = 1146

/**
 * Prepares databases for storms: marks each one, and creates the storm's own tables in it. A database
 * must exist, and be empty or prepared already. So call it before your own migrations.
 *
 * @throws `ERR_STORM_REFUSED` if a database has other tables and no mark
 */
export async function createStormTables(
  tenantKnex: TenantKnex,
  tenants: readonly string[],
): Promise<void> {
  await forEach(tenants, async (id) => {
    const knex = tenantKnex(id)
    await refuseUnmarked(knex, id)
    for (const [table, columns] of Object.entries(COLUMNS)) {
      if (!(await knex.schema.hasTable(table))) await knex.schema.createTable(table, columns)
    }
    await fill(knex, id)
  })
}

/** Drops the tables of {@link createStormTables}. The databases stay. */
export async function dropStormTables(
  tenantKnex: TenantKnex,
  tenants: readonly string[],
): Promise<void> {
  await forEach(tenants, async (id) => {
    await withRealTables(tenantKnex(id), (run) => run('DROP TABLE IF EXISTS ??', [TABLES]))
  })
}

/**
 * Checks that each database was prepared for storms and for this tenant, and deletes the rows of earlier
 * storms. The ids of each tenant's inserts begin at a number of its own.
 *
 * @throws `ERR_STORM_REFUSED`
 */
export async function takeStormTables(
  tenantKnex: TenantKnex,
  tenants: readonly string[],
): Promise<void> {
  await forEach(tenants, async (id) => {
    const owners = await ownersOf(tenantKnex(id))
    if (owners.join() !== id) throw refused(id, describe(owners))
  })
  await forEach(tenants, async (id) => {
    const writes = () => tenantKnex(id)(WRITES)
    await writes().truncate()
    const before = { id: IDS * (tenants.indexOf(id) + 1), operation: 0 }
    await writes().insert({ ...before, part: 0, tag: '' })
    await writes().where(before).delete()
  })
}

/** So many ids are kept for the inserts of each tenant. */
const IDS = 1_000_000_000

/**
 * The tenant whose insert got an id, by its place in the storm's list. Undefined if the id does not tell.
 * That is so in tables which were created during the storm.
 */
export function ownerOfId(id: unknown): number | undefined {
  const owner = Math.floor(Number(id) / IDS) - 1
  return owner >= 0 ? owner : undefined
}

const COLUMNS: Readonly<Record<string, (table: Knex.CreateTableBuilder) => void>> = {
  [MARKER]: (table) => {
    table.string('tenant', 128).notNullable()
  },
  [ITEMS]: (table) => {
    table.integer('id').primary()
    table.string('tenant', 128).notNullable()
  },
  [WRITES]: (table) => {
    table.bigIncrements('id')
    table.integer('operation').notNullable()
    table.integer('part').notNullable()
    table.string('tag', 64).notNullable()
  },
  [SHADE]: (table) => {
    table.string('tenant', 128).notNullable()
  },
}

/** Refuses a database with tables and no mark, because the tables may have real data. */
async function refuseUnmarked(knex: Knex, id: string): Promise<void> {
  const tables: string[] = (await knex.raw('SHOW TABLES'))[0].flatMap((row: object) =>
    Object.values(row),
  )
  if (tables.length === 0 || tables.includes(MARKER)) return
  throw refused(id, `it has ${tables.length} tables, and none of them is \`${MARKER}\``)
}

async function fill(knex: Knex, tenant: string): Promise<void> {
  await withRealTables(knex, async (run) => {
    for (const table of [ITEMS, SHADE, MARKER]) await run('DELETE FROM ??', [table])
    const items = Array.from({ length: ITEM_COUNT }, (_, index) => [index + 1, tenant])
    await run('INSERT INTO ?? VALUES ?', [ITEMS, items])
    for (const table of [SHADE, MARKER]) await run('INSERT INTO ?? VALUES (?)', [table, tenant])
  })
}

type Run = (sql: string, values: readonly unknown[]) => Promise<unknown>

/** Drops the temporary table that hides a real one, then runs statements on the same connection. */
async function withRealTables(knex: Knex, fn: (run: Run) => Promise<unknown>): Promise<void> {
  await withConnection(knex, async (connection) => {
    const run: Run = (sql, values) => call(connection, 'query', sql, values)
    await run('DROP TEMPORARY TABLE IF EXISTS ??', [SHADE])
    await fn(run)
  })
}

async function ownersOf(knex: Knex): Promise<string[]> {
  try {
    return await knex(MARKER).pluck('tenant')
  } catch (error) {
    if (serverErrno(error) !== ER_NO_SUCH_TABLE) throw error
    return []
  }
}

function describe(owners: readonly string[]): string {
  return owners.length === 0
    ? `it has no row in a table \`${MARKER}\``
    : `its table \`${MARKER}\` names ${JSON.stringify(owners.join())}`
}

function refused(tenant: string, why: string): TenantKnexError {
  return new TenantKnexError(
    'ERR_STORM_REFUSED',
    `The database of tenant ${JSON.stringify(tenant)} was not made for a storm: ${why}. A storm uses only ` +
      'databases that were empty when `createStormTables` prepared them.',
    { tenant },
  )
}

async function forEach(
  tenants: readonly string[],
  fn: (tenant: string) => Promise<void>,
): Promise<void> {
  const rest = [...tenants]
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await fn(next)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
}
