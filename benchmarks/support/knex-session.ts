import type { Knex } from 'knex'
import type { Operation, Row, Session } from './contender.ts'

type Read = (knex: Knex, columns: readonly string[], id: number) => Promise<Row | undefined>

/** Ways to read one row. The length of the list of columns selects the way. */
const READS: readonly Read[] = [
  (knex, columns, id) => knex('items').first(columns).where({ id }),
  async (knex, columns, id) => (await knex('items').select(columns).whereIn('id', [id]))[0],
  async (knex, columns, id) => {
    const items = knex('items').select(columns).where('id', '>=', id)
    return (await items.orderBy('id').limit(1))[0]
  },
]

/** The operations with Knex's builder, in this Knex's database. */
export function knexSession(knex: Knex): Session {
  // Bound, not a closure: a loader for TypeScript records each closure's name, which makes closures slower.
  return execute.bind(undefined, knex)
}

async function execute(knex: Knex, operation: Operation): Promise<Row | undefined> {
  if (operation.kind === 'read') {
    const read = READS[operation.columns.length % READS.length] as Read
    return read(knex, operation.columns, operation.id)
  }
  await knex('items').where({ id: operation.id }).update({ val: operation.value })
  return undefined
}
