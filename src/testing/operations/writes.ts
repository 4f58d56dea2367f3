import type { Knex } from 'knex'
import type { StormContext, StormOperation } from '../storm-operation.ts'
import { WRITES } from '../tables.ts'
import { findTag } from '../tags.ts'

/** Writes of one statement. An acknowledged row must be in the tenant's database exactly once. */
export const WRITE_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'write',
    weight: 12,
    run: (storm) => storm.write(1, () => insert(storm, storm.knex, 0)),
  },
  {
    name: 'write many',
    weight: 3,
    run: (storm) => {
      const rows = rowsOf(storm, storm.between(2, 40))
      return storm.write(rows.length, async () => void (await storm.knex(WRITES).insert(rows)))
    },
  },
  {
    name: 'write in a batch',
    weight: 2,
    run: (storm) =>
      storm.write(4, async () => void (await storm.knex.batchInsert(WRITES, rowsOf(storm, 4), 2))),
  },
  {
    name: 'write and read back',
    weight: 4,
    run: async (storm) => {
      const id = await storm.write(1, async () => {
        const [id] = await storm.knex(WRITES).insert(row(storm, 0))
        return id
      })
      const rows: { tag: string }[] = await storm.knex(WRITES).where({ id })
      for (const { tag } of rows) {
        // It may be another operation's row, if a fault has created the database again.
        if (findTag(tag)?.tenant !== storm.place.index) storm.violate(`${tag} was read back`)
      }
    },
  },
]

/** Writes a row that carries the tag. */
export async function insert(storm: StormContext, knex: Knex, part: number): Promise<void> {
  await knex(WRITES).insert(row(storm, part))
}

/** A row that carries the tag. */
export function row(storm: StormContext, part: number): Row {
  return { operation: storm.number, part, tag: storm.tag }
}

interface Row {
  readonly operation: number
  readonly part: number
  readonly tag: string
}

function rowsOf(storm: StormContext, count: number): Row[] {
  return Array.from({ length: count }, (_, part) => row(storm, part))
}
