import type { Knex } from 'knex'
import { serverErrno, TenantKnexError } from '../base/errors.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import { call, withConnection } from './raw-connection.ts'

/** Says that a database was made for storms, and whose it is. One row. */
export const MARKER = 'tenant_knex_storm'
/** The same keys for every tenant, each row naming its own. */
export const ITEMS = 'tenant_knex_storm_items'
/** The rows that operations write, each with its tag. */
export const WRITES = 'tenant_knex_storm_writes'
/** Names its tenant in one row; sessions hide it behind a temporary table of the same name. */
export const SHADE = 'tenant_knex_storm_shade'

/** Rows of {@link ITEMS}. */
export const ITEM_COUNT = 100

const TABLES = [MARKER, ITEMS, WRITES, SHADE]

/** Databases that are looked at or made ready at a time. */
const AT_A_TIME = 8

const ER_NO_SUCH_TABLE = 1146

/**
 * Makes databases ready for storms: marks each as one that may be stormed, and creates the storm's
 * own tables in it. The databases must exist and be empty, or have been made ready before; so run
 * it before your own migrations.
 *
 * @throws `ERR_STORM_REFUSED` where a database has other tables and no mark
 */
export async function createStormTables(
  tenantKnex: TenantKnex,
  tenants: readonly string[],
): Promise<void> {
  await forEach(tenants, async (id) => {
    const knex = tenantKnex(id)
    await refuseStrangers(knex, id)
    for (const [table, columns] of Object.entries(COLUMNS)) {
      if (!(await knex.schema.hasTable(table))) await knex.schema.createTable(table, columns)
    }
    await fill(knex, id)
  })
}

/** Drops what {@link createStormTables} created. The databases stay. */
export async function dropStormTables(
  tenantKnex: TenantKnex,
  tenants: readonly string[],
): Promise<void> {
  await forEach(tenants, async (id) => {
    await withRealTables(tenantKnex(id), (run) => run('DROP TABLE IF EXISTS ??', [TABLES]))
  })
}

/**
 * Makes sure that each database was made for storms and for this tenant, and forgets what earlier
 * storms wrote.
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
  await forEach(tenants, async (id) => void (await tenantKnex(id)(WRITES).truncate()))
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

/** Without a mark, anything in a database may be somebody's data. */
async function refuseStrangers(knex: Knex, id: string): Promise<void> {
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

/** Works on one connection, whose session may still hide a table behind a temporary one. */
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
    `The database of tenant ${JSON.stringify(tenant)} was not made for a storm: ${why}. A storm ` +
      'takes only databases that `createStormTables` made ready while they were empty.',
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
