import { pick, type Random } from '../../src/testing/random.ts'
import type { Operation, Row } from './contender.ts'
import { ITEMS, VALUE_MODULUS } from './data.ts'

const WRITES = 0.1

/** What `val` is written as, before the tenant's number is added. */
const HIGHEST = 100_000

const MORE_COLUMNS = [
  'name',
  'category',
  'price',
  'quantity',
  'rating',
  'is_active',
  'note',
  'created_at',
  'updated_at',
]

/**
 * The lists of columns that are read, 36 of them: one to four neighbours among the columns that are
 * not always read. A driver makes a parser for each list, so that a mix of few flatters all.
 */
export const COLUMN_LISTS: readonly (readonly string[])[] = [1, 2, 3, 4].flatMap((length) =>
  MORE_COLUMNS.map((_, first) => [
    ...['id', 'tenant', 'val'],
    ...[...MORE_COLUMNS, ...MORE_COLUMNS].slice(first, first + length),
  ]),
)

/** One operation of the mix: nine in ten are reads, of one row by its id, of any list of columns. */
export function chooseOperation(random: Random, tenant: number): Operation {
  const id = 1 + Math.floor(random() * ITEMS)
  if (random() >= WRITES) return { kind: 'read', columns: pick(random, COLUMN_LISTS), id }
  const value = Math.floor(random() * HIGHEST) * VALUE_MODULUS + tenant
  return { kind: 'write', id, value }
}

/**
 * Whether an answer is a tenant's own: each row names its database, and what was written to it, too,
 * tells whose it is.
 *
 * @param floor the database that every row is of, where there is only one
 */
export function isRight(
  { kind, id }: Operation,
  row: Row | undefined,
  tenant: number,
  database: string,
  floor: string | undefined,
): boolean {
  if (kind === 'write') return row === undefined
  if (row?.id !== id || row.tenant !== (floor ?? database)) return false
  return floor !== undefined || (row.val as number) % VALUE_MODULUS === tenant
}
