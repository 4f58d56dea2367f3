import { WITH_SCHEMA } from './names.ts'
import { percentiles, type Quartiles, quartiles } from './statistics.ts'
import type { Seen } from './turn.ts'

/** The results of one turn of a contender. */
export interface Measured extends Seen {
  /** Processor time of the contender's process. */
  readonly clientMicros: number
  /** Processor time of the server; undefined if it is unknown. */
  readonly serverMicros: number | undefined
  /** Undefined if the contender does not know. */
  readonly switches: number | undefined
  /** How many connections the server saw afterwards. */
  readonly connections: number
}

/** Percentiles of the time of a statement, in milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Ratios to another contender in the same round. */
export interface Ratios {
  /** The ratio of statements per second. Higher is better here, and lower in all others. */
  readonly throughput: Quartiles
  /** The ratio of processor time per statement, of the contender's process and, if known, the server. */
  readonly cpu: Quartiles
  readonly clientCpu: Quartiles
  readonly serverCpu?: Quartiles
  readonly p50: Quartiles
  readonly p99: Quartiles
}

/** The summary of a contender's turns. */
export interface Summary {
  readonly name: string
  readonly operations: number
  readonly wrongRows: number
  readonly errors: number
  readonly firstError?: string
  readonly operationsPerSecond: Quartiles
  /** Microseconds of processor time per statement, in the contender's process. */
  readonly clientCpu: Quartiles
  /** The same at the server; undefined if it is unknown. */
  readonly serverCpu?: Quartiles
  /** Of all turns together. */
  readonly latency: Latency
  /** Undefined if the contender does not know. */
  readonly switchesPerOperation?: number
  /** The largest number that the server saw. */
  readonly connections: number
  /** The average number of concurrent statements. */
  readonly inFlight: number
  /** To the first contender. */
  readonly ratios: Ratios
  /** To Knex's `withSchema`; undefined if it had no turns. */
  readonly ratiosToWithSchema?: Ratios
}

type Figure = (turn: Measured) => number

const SIGNIFICANT_DIGITS = 4

const perSecond: Figure = ({ operations, seconds }) => operations / seconds
const clientCpu: Figure = ({ clientMicros, operations }) => clientMicros / operations
const serverCpu: Figure = ({ serverMicros = Number.NaN, operations }) => serverMicros / operations
const cpu: Figure = ({ clientMicros, serverMicros = 0, operations }) =>
  (clientMicros + serverMicros) / operations
const percentile =
  (share: number): Figure =>
  ({ latencies }) =>
    percentiles(latencies, [share])[0] as number

/** Summarises the turns of each contender: rounds of turns, each in the order of the names. */
export function summarise(
  names: readonly string[],
  rounds: readonly (readonly Measured[])[],
): Summary[] {
  const base = turnsOf(rounds, 0)
  const withSchema = names.indexOf(WITH_SCHEMA)
  return names.map((name, index) => {
    const turns = turnsOf(rounds, index)
    const summary = { ...summariseOne(name, turns), ratios: ratiosOf(turns, base) }
    if (withSchema < 0) return summary
    return { ...summary, ratiosToWithSchema: ratiosOf(turns, turnsOf(rounds, withSchema)) }
  })
}

function turnsOf(rounds: readonly (readonly Measured[])[], index: number): Measured[] {
  return rounds.map((turns) => turns[index] as Measured)
}

function summariseOne(name: string, turns: readonly Measured[]): Omit<Summary, 'ratios'> {
  const spread = (figure: Figure) => rounded(quartiles(turns.map(figure)))
  const hasSwitches = turns.every(({ switches }) => switches !== undefined)
  const operations = sum(turns, (turn) => turn.operations)
  const firstError = turns.find((turn) => turn.firstError !== undefined)?.firstError
  return {
    name,
    operations,
    wrongRows: sum(turns, (turn) => turn.wrongRows),
    errors: sum(turns, (turn) => turn.errors),
    ...(firstError === undefined ? {} : { firstError }),
    operationsPerSecond: spread(perSecond),
    clientCpu: spread(clientCpu),
    ...(hasServer(turns) ? { serverCpu: spread(serverCpu) } : {}),
    latency: latencyOf(turns),
    ...(hasSwitches
      ? { switchesPerOperation: digits(sum(turns, ({ switches = 0 }) => switches) / operations) }
      : {}),
    connections: Math.max(...turns.map(({ connections }) => connections)),
    inFlight: digits(inFlightOf(turns)),
  }
}

function ratiosOf(turns: readonly Measured[], base: readonly Measured[]): Ratios {
  const ratio = (figure: Figure) =>
    rounded(quartiles(turns.map((turn, round) => figure(turn) / figure(base[round] as Measured))))
  return {
    throughput: ratio(perSecond),
    cpu: ratio(cpu),
    clientCpu: ratio(clientCpu),
    ...(hasServer(turns) ? { serverCpu: ratio(serverCpu) } : {}),
    p50: ratio(percentile(0.5)),
    p99: ratio(percentile(0.99)),
  }
}

function hasServer(turns: readonly Measured[]): boolean {
  return turns.every(({ serverMicros }) => serverMicros !== undefined)
}

function latencyOf(turns: readonly Measured[]): Latency {
  const all = turns.flatMap(({ latencies }) => latencies)
  const [p50, p95, p99] = percentiles(all, [0.5, 0.95, 0.99]).map(digits)
  return { p50, p95, p99 } as Latency
}

/** By Little's law. */
function inFlightOf(turns: readonly Measured[]): number {
  const waited = sum(turns, ({ latencies }) => latencies.reduce((total, one) => total + one, 0))
  return waited / 1_000 / sum(turns, ({ seconds }) => seconds)
}

function sum(turns: readonly Measured[], figure: Figure): number {
  return turns.reduce((total, turn) => total + figure(turn), 0)
}

function rounded({ lower, median, upper }: Quartiles): Quartiles {
  return { lower: digits(lower), median: digits(median), upper: digits(upper) }
}

/** More digits would only be noise. */
function digits(value: number): number {
  return Number(value.toPrecision(SIGNIFICANT_DIGITS))
}
