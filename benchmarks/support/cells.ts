import { isBrief } from './brief.ts'
import type { Cell } from './comparison.ts'

/** The tenant never changes: this shows the cost of the checks. */
export const ONE_TENANT: Cell = {
  tenants: 1,
  popularity: 'uniform',
  queriesPerRequest: 1,
  concurrency: 16,
  poolMax: 10,
}

/** Requests of several statements, and connections to spare. */
export const LONG_REQUESTS: Cell = {
  tenants: 1_000,
  popularity: 'zipf',
  queriesPerRequest: 5,
  concurrency: 16,
  poolMax: 50,
}

/** Users who come back, with connections to spare: the purpose of wide pools. */
export const VISITS: Cell = { ...LONG_REQUESTS, popularity: 'visits', concurrency: 6 }

/**
 * The hardest case for one pool: nearly every statement is another tenant's, and there are few connections.
 */
export const SHORT_REQUESTS: Cell = {
  tenants: 1_000,
  popularity: 'zipf',
  queriesPerRequest: 1,
  concurrency: 16,
  poolMax: 10,
}

/** More tables than a server keeps at hand. */
export const MANY_TENANTS: Cell = { ...LONG_REQUESTS, tenants: 10_000 }

const BRIEF = { tenants: 6, concurrency: 4, poolMax: 3 }

/** The cells to measure. With `--brief` only the first and the last, reduced. */
export function cellsOf(cells: readonly Cell[]): readonly Cell[] {
  return fewOf(cells).map(cellOf)
}

/** All items of a list. With `--brief` only the first and the last. */
export function fewOf<Item>(items: readonly Item[]): readonly Item[] {
  return isBrief ? items.filter((_, index) => index === 0 || index === items.length - 1) : items
}

/** A cell, reduced with `--brief`. */
export function cellOf(cell: Cell): Cell {
  return isBrief ? small(cell) : cell
}

/** The same requests, with this share of raw SQL among the statements. */
export function withRaw(cell: Cell, raw: number): Cell {
  return { ...cell, raw }
}

/** The same clients, with transactions of three statements. */
export function inTransactions(cell: Cell): Cell {
  return { ...cell, queriesPerRequest: 3, isTransaction: true }
}

function small(cell: Cell): Cell {
  return {
    ...cell,
    tenants: Math.min(cell.tenants, BRIEF.tenants),
    concurrency: Math.min(cell.concurrency, BRIEF.concurrency),
    poolMax: Math.min(cell.poolMax, BRIEF.poolMax),
  }
}
