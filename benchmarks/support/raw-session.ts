import type { Knex } from 'knex'
import type { Operation, Row, Session } from './contender.ts'
import { COLUMN_LISTS } from './operations.ts'

/** Ends of statements that read one row. They are those of `knex-session.ts`. */
const READS: readonly string[] = [
  'where `id` = ? limit 1',
  'where `id` in (?)',
  'where `id` >= ? order by `id` asc limit 1',
]

/** The names of each list of columns, in SQL. */
const NAMES = new Map(
  COLUMN_LISTS.map((columns) => [columns, columns.map((name) => `\`${name}\``).join(', ')]),
)

/** The operations as raw SQL. It reads and writes the same rows as the query builder's statements. */
export function rawSession(knex: Knex, table = '`items`'): Session {
  return execute.bind(undefined, knex, table)
}

async function execute(knex: Knex, table: string, operation: Operation): Promise<Row | undefined> {
  const { id } = operation
  if (operation.kind === 'write') {
    await knex.raw(`update ${table} set \`val\` = ? where \`id\` = ?`, [operation.value, id])
    return undefined
  }
  const { columns } = operation
  const end = READS[columns.length % READS.length]
  const [rows] = await knex.raw(`select ${NAMES.get(columns)} from ${table} ${end}`, [id])
  return rows[0]
}
