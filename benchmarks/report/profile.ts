import { figure, type Table } from '../support/format.ts'
import type { Profile } from '../support/profile.ts'

/** Parts of a process that share its time and its memory. */
export type Part =
  | 'socket write'
  | 'knex'
  | 'mysql2'
  | 'tenant-knex'
  | 'other packages'
  | 'benchmark'
  | 'node'
  | 'gc'

/** The place of a function. Functions of the engine and of Node in C++ have no file. */
interface CallFrame {
  readonly functionName: string
  readonly scriptId: string
  readonly url: string
  readonly lineNumber: number
}

/** The time or the bytes of one function, without the functions that it calls. */
interface Share {
  readonly part: Part
  readonly place: string
  readonly amount: number
}

/** A node of a tree of calls: its function, its own amount, and the functions that it calls. */
interface Call {
  readonly callFrame: CallFrame
  readonly amount: number
  readonly children: readonly Call[]
}

const PARTS: readonly (readonly [RegExp, Part])[] = [
  [/^node:/, 'node'],
  [/\/node_modules\/(?:knex|tarn|lodash)\//, 'knex'],
  [
    /\/node_modules\/(?:mysql2|sqlstring|sql-escaper|denque|lru\.min|long|iconv-lite|generate-function|named-placeholders)\//,
    'mysql2',
  ],
  [/\/node_modules\//, 'other packages'],
  [/\/benchmarks\//, 'benchmark'],
  [/\/(?:src|dist)\//, 'tenant-knex'],
]

const SOCKET_WRITE = /^(?:writev|writeBuffer|write\w+String)$/
const LISTED = 40

/** The folders above a package, or above those of this project. */
const FOLDERS = /^.*\/(?=node_modules\/)|^.*\/(?=(?:benchmarks|src|dist)\/)/

/** Microseconds and bytes of each part of a process for a statement, without waiting. */
export function partsTable({ cpu, cpuOperations, heap, heapOperations }: Profile): Table {
  const micros = byPart(timesOf(cpu))
  const bytes = byPart(bytesOf(heap))
  const rows = sorted(new Map([...bytes, ...micros])).map(([part]) => [
    part,
    figure((micros.get(part) ?? 0) / cpuOperations, 3),
    figure((bytes.get(part) ?? 0) / heapOperations, 3),
  ])
  return [
    ['part', 'µs per statement', 'bytes per statement'],
    ...rows,
    ['all', figure(total(micros) / cpuOperations, 3), figure(total(bytes) / heapOperations, 3)],
  ]
}

/** The functions that take the most time themselves. */
export function timesTable({ cpu, cpuOperations }: Profile): Table {
  return placesTable('µs per statement', timesOf(cpu), cpuOperations)
}

/** The functions that allocate the most bytes themselves. */
export function bytesTable({ heap, heapOperations }: Profile): Table {
  return placesTable('bytes per statement', bytesOf(heap), heapOperations)
}

function placesTable(heading: string, shares: readonly Share[], operations: number): Table {
  const sums = new Map<string, number>()
  for (const { part, place, amount } of shares) {
    const key = `${part} | ${place}`
    sums.set(key, (sums.get(key) ?? 0) + amount)
  }
  const rows = sorted(sums).slice(0, LISTED)
  return [
    ['part', 'function', heading],
    ...rows.map(([key, amount]) => [...key.split(' | '), figure(amount / operations, 3)]),
  ]
}

function byPart(shares: readonly Share[]): Map<Part, number> {
  const sums = new Map<Part, number>()
  for (const { part, amount } of shares) sums.set(part, (sums.get(part) ?? 0) + amount)
  return sums
}

function sorted<Key>(sums: ReadonlyMap<Key, number>): [Key, number][] {
  return [...sums].sort(([, one], [, other]) => other - one)
}

function total(sums: ReadonlyMap<Part, number>): number {
  return [...sums.values()].reduce((sum, amount) => sum + amount, 0)
}

/** The microseconds between a sample and the next one are those of the function in the sample. */
function timesOf({ nodes, samples = [], timeDeltas = [] }: Profile['cpu']): Share[] {
  const micros = new Map<number, number>()
  for (const [index, id] of samples.entries()) {
    micros.set(id, (micros.get(id) ?? 0) + (timeDeltas[index + 1] ?? 0))
  }
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const callOf = (id: number): Call => {
    const { callFrame, children = [] } = byId.get(id) as (typeof nodes)[number]
    return { callFrame, amount: micros.get(id) ?? 0, children: children.map(callOf) }
  }
  return sharesOf(callOf((nodes[0] as (typeof nodes)[number]).id))
}

function bytesOf({ head }: Profile['heap']): Share[] {
  const callOf = ({ callFrame, selfSize, children }: typeof head): Call => {
    return { callFrame, amount: selfSize, children: children.map(callOf) }
  }
  return sharesOf(callOf(head))
}

/** Functions without a file belong to the part that calls them. */
function sharesOf({ callFrame, amount, children }: Call, caller: Part = 'node'): Share[] {
  if (callFrame.functionName === '(idle)') return []
  const part = partOf(callFrame, caller)
  const own = amount > 0 ? [{ part, place: placeOf(callFrame), amount }] : []
  const callees = children.flatMap((child) => sharesOf(child, part))
  return [...own, ...callees]
}

function partOf({ functionName, scriptId, url }: CallFrame, caller: Part): Part {
  if (functionName === '(garbage collector)') return 'gc'
  if (functionName === '(program)' || functionName === '(root)') return 'node'
  const found = PARTS.find(([pattern]) => pattern.test(url))
  if (found) return found[1]
  if (SOCKET_WRITE.test(functionName)) return 'socket write'
  // mysql2 compiles parsers at run time. They have a script, but no file.
  return scriptId === '0' ? caller : 'mysql2'
}

function placeOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName || '(anonymous)'
  if (url === '') return name
  const file = url.replace(FOLDERS, '')
  return `${name} ${file}:${lineNumber + 1}`
}
