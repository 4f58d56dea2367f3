import { call, type RawConnection, withConnection } from '../../src/testing/raw-connection.ts'
import type { MarkedRow, StormContext, StormOperation } from '../../src/testing/storm-operation.ts'
import { ITEMS } from '../../src/testing/tables.ts'
import type { OwnServer } from '../../test/support/own-server.ts'
import { PROCEDURE } from './procedure.ts'

/** Most of these operations cost a connection. */
const WEIGHT = 0.4

/**
 * SQL that leaves the tenant's database in a way that cannot be seen before it runs. Such a statement has no
 * tag: it does run in another database, and only its answer is withheld.
 */
export function hiddenChanges(server: OwnServer['name']): readonly StormOperation[] {
  const operations = server === 'MariaDB' ? [...ON_EACH, ...ON_MARIADB] : ON_EACH
  return operations.map((operation) => ({ weight: WEIGHT, ...operation }))
}

const ON_EACH: readonly StormOperation[] = [
  {
    name: 'hide USE among other statements',
    run: (storm) => storm.refused(() => storm.knex.raw(hidden(storm)), 'ERR_WRONG_TENANT'),
  },
  {
    name: 'hide USE in a stream',
    run: (storm) => storm.refused(() => stream(storm, hidden(storm)), 'ERR_WRONG_TENANT'),
  },
  {
    name: 'queue a read behind a hidden USE',
    run: (storm) =>
      withConnection(storm.knex, async (connection) => {
        const [left, queued] = await Promise.allSettled([
          call(connection, 'query', hidden(storm)),
          read(storm, connection),
        ])
        // If it is killed before its USE, it fails with another error, and then the read may succeed.
        await storm.refused(() => settled(left), 'ERR_WRONG_TENANT')
        if (queued.status === 'fulfilled') storm.violate('a read behind a hidden USE was answered')
      }),
  },
  {
    name: 'call a procedure that begins a transaction and fails',
    weight: 1,
    run: async (storm) => {
      storm.deny()
      await withConnection(storm.knex, async (connection) => {
        const values = [storm.number, 0, storm.tag]
        const fail = () => call(connection, 'query', `CALL ${PROCEDURE}(?, ?, ?)`, values)
        await storm.refused(fail, 'ER_SIGNAL_EXCEPTION')
        if (storm.random() < 0.5) await read(storm, connection)
      })
    },
  },
]

const ON_MARIADB: readonly StormOperation[] = [
  {
    name: 'EXECUTE IMMEDIATE USE',
    run: (storm) => storm.refused(() => storm.knex.raw(executeUse(storm)), 'ERR_WRONG_TENANT'),
  },
  {
    name: 'hide USE in a block that fails',
    weight: 1,
    run: (storm) =>
      withConnection(storm.knex, async (connection) => {
        const block = `BEGIN NOT ATOMIC ${executeUse(storm)}; SIGNAL SQLSTATE '45000'; END`
        await storm.refused(() => call(connection, 'query', block), 'ER_SIGNAL_EXCEPTION')
        await read(storm, connection)
      }),
  },
  {
    name: 'stream rows of a block that hides USE',
    run: (storm) => {
      const select = `EXECUTE IMMEDIATE 'SELECT tenant FROM ${ITEMS}'`
      const block = `BEGIN NOT ATOMIC ${executeUse(storm)}; ${select}; END`
      return storm.refused(() => stream(storm, block), 'ERR_WRONG_TENANT')
    },
  },
]

function otherDatabase({ tenantKnex, otherTenant }: StormContext): string {
  return String(tenantKnex(otherTenant).tenant.database)
}

function hidden(storm: StormContext): string {
  return `SELECT 1; USE ${otherDatabase(storm)}; SELECT tenant FROM ${ITEMS}`
}

function executeUse(storm: StormContext): string {
  return `EXECUTE IMMEDIATE 'USE ${otherDatabase(storm)}'`
}

/** Streams a statement. A row that names a tenant must never come. */
async function stream(storm: StormContext, sql: string): Promise<void> {
  for await (const { tenant } of storm.knex.raw(sql).stream()) {
    if (tenant !== undefined) storm.violate(`a row of ${tenant} was streamed`)
  }
}

async function read(storm: StormContext, connection: RawConnection): Promise<void> {
  const sql = `SELECT tenant, ? AS asker, DATABASE() AS db FROM ${ITEMS} WHERE id = ?`
  const rows = await call(connection, 'query', sql, [storm.tag, storm.between(1, 5)])
  storm.checkRows(rows as unknown as MarkedRow[], 1)
}

function settled<T>(result: PromiseSettledResult<T>): Promise<T> {
  return result.status === 'fulfilled'
    ? Promise.resolve(result.value)
    : Promise.reject(result.reason)
}
