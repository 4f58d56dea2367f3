import { pick, type Random } from '../../src/testing/random.ts'
import type { Operation, Row } from './contender.ts'
import { ITEMS, VALUE_MODULUS } from './data.ts'

const WRITES = 0.1

/** The limit of a written `val`, before the tenant's number is added. */
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
 * The 36 lists of columns that are read: one to four neighbours among the optional columns. A driver makes a
 * parser for each list, so a mix of only a few lists would favour every contender.
 */
export const COLUMN_LISTS: readonly (readonly string[])[] = [1, 2, 3, 4].flatMap((length) =>
  MORE_COLUMNS.map((_, first) => [
    ...['id', 'tenant', 'val'],
    ...[...MORE_COLUMNS, ...MORE_COLUMNS].slice(first, first + length),
  ]),
)

/** Chooses one operation of the mix. Nine of ten are reads of one row by its id, with any list of columns. */
export function chooseOperation(random: Random, tenant: number): Operation {
  return random() >= WRITES ? chooseRead(random) : chooseWrite(random, tenant)
}

export function chooseRead(random: Random): Operation {
  return { kind: 'read', columns: pick(random, COLUMN_LISTS), id: chooseId(random) }
}

export function chooseWrite(random: Random, tenant: number): Operation {
  const value = Math.floor(random() * HIGHEST) * VALUE_MODULUS + tenant
  return { kind: 'write', id: chooseId(random), value }
}

function chooseId(random: Random): number {
  return 1 + Math.floor(random() * ITEMS)
}

/**
 * True if an answer belongs to the tenant. Each row names its database, and its written value identifies the
 * tenant too.
 *
 * @param floor the database of all rows, if there is only one
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
