import type { Cell } from '../support/comparison.ts'
import type { Footprint } from '../support/footprint.ts'
import { describeCell, figure, ratio, type Table } from '../support/format.ts'
import type { Quartiles } from '../support/statistics.ts'
import type { Summary } from '../support/summary.ts'

/** A cell, and its goals relative to plain Knex. */
export interface Goal {
  readonly title: string
  readonly cell: Cell
  /** A minimum. */
  readonly throughput?: number
  /** A maximum, as all others. */
  readonly cpu?: number
  readonly p99?: number
  readonly switches?: number
}

/** The results for a goal: plain Knex and this library. */
export interface GoalCell {
  readonly goal: Goal
  readonly contenders: readonly Summary[]
}

/** The results of `goals.ts` on one server. */
export interface GoalsResult {
  readonly cells: readonly GoalCell[]
  readonly tenants: number
  readonly footprint: Footprint
}

const MEGABYTE = 2 ** 20
const HEAP_GOAL = 25
const RESIDENT_GOAL = 100

/** One row for each figure that has a goal. */
export function goalsTable({ cells, tenants, footprint }: GoalsResult): Table {
  return [
    ['', 'figure', 'goal', 'measured', 'met'],
    ...cells.flatMap(cellRows),
    ...footprintRows(tenants, footprint),
  ]
}

function cellRows({ goal, contenders }: GoalCell): string[][] {
  const { ratios, switchesPerOperation = Number.NaN } = contenders[1] as Summary
  const [, , queries, clients, pool] = describeCell(goal.cell)
  const where = `${goal.title}; ${queries} per request, ${clients} clients, pool of ${pool}`
  const rows = [
    atLeast('statements per second', goal.throughput, ratios.throughput),
    atMost('processor', goal.cpu, ratios.cpu),
    atMost('p99', goal.p99, ratios.p99),
    limit('switches per statement', goal.switches, switchesPerOperation),
  ]
  return rows.flatMap((row) => (row ? [[where, ...row]] : []))
}

function footprintRows(tenants: number, footprint: Footprint): string[][] {
  const { sockets, poolMax, heapBytes, residentBytes } = footprint
  const rows = [
    limit('sockets', poolMax + 1, sockets),
    limit('heap, MB more', HEAP_GOAL, heapBytes / MEGABYTE),
    limit('resident, MB more', RESIDENT_GOAL, residentBytes / MEGABYTE),
  ]
  const where = `${figure(tenants, 5)} tenants, each asked once; pool of ${poolMax}`
  return rows.flatMap((row) => (row ? [[where, ...row]] : []))
}

function atLeast(name: string, goal: number | undefined, measured: Quartiles) {
  if (goal === undefined) return undefined
  return [name, `≥ ${goal}`, ratio(measured), met(measured.median >= goal)]
}

function atMost(name: string, goal: number | undefined, measured: Quartiles) {
  if (goal === undefined) return undefined
  return [name, `≤ ${goal}`, ratio(measured), met(measured.median <= goal)]
}

function limit(name: string, goal: number | undefined, measured: number) {
  if (goal === undefined) return undefined
  return [name, `≤ ${goal}`, figure(measured), met(measured <= goal)]
}

function met(isMet: boolean): string {
  return isMet ? 'yes' : 'no'
}
