import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Knex } from 'knex'
import type { MarkedRow, StormContext, StormOperation } from '../storm-operation.ts'
import { ITEM_COUNT, ITEMS, SHADE } from '../tables.ts'

/** Makes rows so long that a stream has many packets and can be left in the middle. */
const PADDING = 4_000

/** Reads in many forms. Each row must belong to the tenant of the operation. */
export const READ_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'read all',
    weight: 8,
    run: async (storm) => storm.checkRows(await items(storm), ITEM_COUNT),
  },
  {
    name: 'read one',
    weight: 20,
    run: async (storm) => {
      const id = storm.between(1, ITEM_COUNT)
      const row = await items(storm).where({ id }).first()
      storm.checkRows(row ? [row] : [], 1)
    },
  },
  {
    name: 'read side by side',
    weight: 4,
    run: async (storm) => {
      const ids = [1, 2, 3].map(() => storm.between(1, ITEM_COUNT))
      // Each read is awaited to its end, even if another one fails.
      const reads = ids.map((id) => items(storm).where({ id }))
      const results = await Promise.allSettled(reads.map((read) => read.then((rows) => rows)))
      for (const result of results) {
        if (result.status === 'rejected') throw result.reason
        storm.checkRows(result.value as MarkedRow[], 1)
      }
    },
  },
  {
    name: 'read by a sub-query',
    weight: 5,
    run: async (storm) => {
      const { knex } = storm
      const inner = knex(ITEMS).select('id').where('id', '<=', 5)
      storm.checkRows(await items(storm).whereIn('id', inner), 5)
    },
  },
  {
    name: 'read what sessions hide',
    weight: 5,
    run: async (storm) => {
      const rows: MarkedRow[] = await storm.knex(SHADE).select('tenant', ...storm.marks())
      if (rows.length === 0) storm.violate('a table was empty that always has a row')
      storm.checkRows(rows)
    },
  },
  {
    name: 'look at columns',
    weight: 3,
    run: async (storm) => {
      const columns = Object.keys(await storm.knex(ITEMS).columnInfo())
      const isGone = columns.length === 0 && !storm.isCalm
      if (columns.join() === 'id,tenant' || isGone) return
      storm.violate(`a table has the columns ${columns}`)
    },
  },
  {
    name: 'stream',
    weight: 4,
    run: async (storm) => {
      let count = 0
      const check = new Writable({
        objectMode: true,
        write(row: MarkedRow, _encoding, done) {
          count++
          done(caught(() => storm.checkRow(row)))
        },
      })
      await pipeline(items(storm).stream(), check)
      if (count !== ITEM_COUNT) storm.violate(`a stream ended after ${count} rows`)
    },
  },
  {
    name: 'leave a stream',
    weight: 4,
    run: async (storm) => {
      const padding = storm.knex.raw('repeat(?, ?) as padding', ['x', PADDING])
      const leaveAfter = storm.between(1, 4)
      let count = 0
      const rows = items(storm).select(padding).stream({ highWaterMark: 2 })
      for await (const row of rows) {
        storm.checkRow(row)
        if (++count === leaveAfter) break
      }
    },
  },
]

function items(storm: StormContext): Knex.QueryBuilder {
  return storm.knex(ITEMS).select('id', 'tenant', ...storm.marks())
}

function caught(fn: () => void): Error | null {
  try {
    fn()
    return null
  } catch (error) {
    return error as Error
  }
}
