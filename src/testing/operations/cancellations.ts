import { TenantKnexError } from '../../base/errors.ts'
import { call, withConnection } from '../raw-connection.ts'
import type { StormOperation } from '../storm-operation.ts'
import { ITEMS, WRITES } from '../tables.ts'
import { row } from './writes.ts'

/** How long a statement sleeps at the server, in milliseconds. */
const SLEEP = 20

/** Operations that are given up while they run. No other operation may get their late answers. */
export const CANCELLATION_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'read with a timeout',
    weight: 2,
    run: async (storm) => {
      const { knex } = storm
      const slow = knex(ITEMS)
        .select('tenant', ...storm.marks(), knex.raw('sleep(?) as slept', [SLEEP / 1_000]))
        .where({ id: 1 })
        .timeout(storm.between(1, 2 * SLEEP), { cancel: storm.random() < 0.7 })
      await untilTimeout(slow, (rows) => storm.checkRows(rows as never, 1))
    },
  },
  {
    name: 'write with a timeout',
    weight: 2,
    run: async (storm) => {
      const { knex } = storm
      const isCancelled = storm.random() < 0.7
      const millis = storm.between(1, 2 * SLEEP)
      const { operation, part, tag } = row(storm, 0)
      const select = knex.select(
        knex.raw('? as operation', [operation]),
        knex.raw('? + 0 * sleep(?) as part', [part, SLEEP / 1_000]),
        knex.raw('? as tag', [tag]),
      )
      const insert = knex(knex.raw('?? (??, ??, ??)', [WRITES, 'operation', 'part', 'tag'])).insert(
        select,
      )
      await untilTimeout(
        storm.write(1, () => insert.timeout(millis, { cancel: isCancelled })),
        () => undefined,
      )
    },
  },
  {
    name: 'release a connection that is busy',
    weight: 2,
    run: async (storm) => {
      await storm.write(1, async () => {
        const [written] = await withConnection(storm.knex, async (connection) => {
          const { operation, part, tag } = row(storm, 0)
          const sql = `INSERT INTO ${WRITES} (operation, part, tag) SELECT ?, ? + 0 * SLEEP(?), ?`
          const values = [operation, part, SLEEP / 1_000, tag]
          // In an array, so that the connection is released before the query has ended.
          return [call(connection, 'query', sql, values)]
        })
        await written
      })
    },
  },
]

/** Awaits a query. It may succeed, or reach its timeout. */
async function untilTimeout<T>(query: PromiseLike<T>, check: (result: T) => void): Promise<void> {
  let result: T
  try {
    result = await query
  } catch (error) {
    // A timeout of an acquire has the same name, but counts as a failure.
    const isGivenUp =
      (error as Error).name === 'KnexTimeoutError' && !(error instanceof TenantKnexError)
    if (isGivenUp) return
    throw error
  }
  check(result)
}
