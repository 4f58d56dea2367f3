import type { Cell } from '../support/comparison.ts'
import type { Footprint } from '../support/footprint.ts'
import { describeCell, figure, ratio, type Table } from '../support/format.ts'
import { OURS } from '../support/names.ts'
import type { Quartiles } from '../support/statistics.ts'
import type { Summary } from '../support/summary.ts'
import { oursOf } from './roles.ts'

/** A cell, and its goals: relative to plain Knex, if no other baseline is named. */
export interface Goal {
  readonly title: string
  readonly cell: Cell
  /** Minimums. */
  readonly throughput?: number
  readonly throughputToWithSchema?: number
  /** A maximum, as all others. Processor time of client and server together. */
  readonly cpu?: number
  readonly clientCpu?: number
  readonly p99?: number
  /** For each statement. */
  readonly switches?: number
  readonly connections?: number
}

/** The results for a goal. */
export interface GoalCell {
  readonly goal: Goal
  readonly contenders: readonly Summary[]
}

/** The results of `goals.ts` on one server. */
export interface GoalsResult {
  readonly cells: readonly GoalCell[]
  readonly tenants: number
  readonly footprints: readonly Footprint[]
}

const MEGABYTE = 2 ** 20
const HEAP_GOAL = 25
const RESIDENT_GOAL = 100

/** One row for each figure that has a goal. */
export function goalsTable({ cells, tenants, footprints }: GoalsResult): Table {
  return [
    ['', 'figure', 'goal', 'measured', 'met'],
    ...cells.flatMap(cellRows),
    ...footprints.flatMap((footprint) => footprintRows(tenants, footprint)),
  ]
}

function cellRows({ goal, contenders }: GoalCell): string[][] {
  return oursOf(contenders).flatMap((ours) => rowsOf(goal, ours))
}

function rowsOf(goal: Goal, ours: Summary): string[][] {
  const { name, ratios, ratiosToWithSchema, connections } = ours
  const { switchesPerOperation = Number.NaN } = ours
  const [, , queries, clients, pool] = describeCell(goal.cell)
  const where = `${goal.title}; ${queries} per request, ${clients} clients, pool of ${pool}`
  const toWithSchema = ratiosToWithSchema?.throughput
  const rows = [
    atLeast('statements per second', goal.throughput, ratios.throughput),
    atLeast('statements per second, of `withSchema`', goal.throughputToWithSchema, toWithSchema),
    atMost('processor', goal.cpu, ratios.cpu),
    atMost('processor of the client', goal.clientCpu, ratios.clientCpu),
    atMost('p99', goal.p99, ratios.p99),
    limit('switches per statement', goal.switches, switchesPerOperation),
    limit('connections', goal.connections, connections),
  ]
  return titled(where, name, rows)
}

function footprintRows(tenants: number, footprint: Footprint): string[][] {
  const { name, sockets, poolMax, heapBytes, residentBytes } = footprint
  const where = `${figure(tenants, 5)} tenants, each asked once; pool of ${poolMax}`
  return titled(where, name, [
    limit('sockets', poolMax + 1, sockets),
    limit('heap, MB more', HEAP_GOAL, heapBytes / MEGABYTE),
    limit('resident, MB more', RESIDENT_GOAL, residentBytes / MEGABYTE),
  ])
}

/** The rows that have a goal. They name the contender if it has not the defaults. */
function titled(where: string, name: string, rows: (string[] | undefined)[]): string[][] {
  const title = name === OURS ? where : `${name}: ${where}`
  return rows.flatMap((row) => (row ? [[title, ...row]] : []))
}

function atLeast(name: string, goal: number | undefined, measured: Quartiles | undefined) {
  if (goal === undefined || measured === undefined) return undefined
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
