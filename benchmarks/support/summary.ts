import { percentiles, type Quartiles, quartiles } from './statistics.ts'
import type { Seen } from './turn.ts'

/** What was measured in one turn of a contender. */
export interface Measured extends Seen {
  /** Time of the processor that this process took. */
  readonly clientMicros: number
  /** The same of the server; undefined where it cannot be known. */
  readonly serverMicros: number | undefined
  /** Undefined where the contender cannot tell. */
  readonly switches: number | undefined
  /** Connections that the server saw afterwards. */
  readonly connections: number
}

/** Percentiles of how long a statement takes, in milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Ratios to what the first contender needed in the same round. */
export interface Ratios {
  /** Of statements per second: more is better, in all others less. */
  readonly throughput: Quartiles
  /** Of the processor's time for a statement, here and at the server, where that is known. */
  readonly cpu: Quartiles
  readonly clientCpu: Quartiles
  readonly serverCpu?: Quartiles
  readonly p50: Quartiles
  readonly p99: Quartiles
}

/** What a contender's turns came to. */
export interface Summary {
  readonly name: string
  readonly operations: number
  readonly wrongRows: number
  readonly errors: number
  readonly firstError?: string
  readonly operationsPerSecond: Quartiles
  /** Microseconds of the processor for a statement, in this process. */
  readonly clientCpu: Quartiles
  /** The same at the server; left out where it cannot be known. */
  readonly serverCpu?: Quartiles
  /** Of all turns together. */
  readonly latency: Latency
  /** Left out where the contender cannot tell. */
  readonly switchesPerOperation?: number
  /** Most that the server saw. */
  readonly connections: number
  /** Statements that were on their way on average. */
  readonly inFlight: number
  readonly ratios: Ratios
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

/** What the turns of each contender came to: rounds of turns, each in the order of the names. */
export function summarise(
  names: readonly string[],
  rounds: readonly (readonly Measured[])[],
): Summary[] {
  const base = turnsOf(rounds, 0)
  return names.map((name, index) => summariseOne(name, turnsOf(rounds, index), base))
}

function turnsOf(rounds: readonly (readonly Measured[])[], index: number): Measured[] {
  return rounds.map((turns) => turns[index] as Measured)
}

function summariseOne(
  name: string,
  turns: readonly Measured[],
  base: readonly Measured[],
): Summary {
  const spread = (figure: Figure) => rounded(quartiles(turns.map(figure)))
  const ratio = (figure: Figure) =>
    rounded(quartiles(turns.map((turn, round) => figure(turn) / figure(base[round] as Measured))))
  const hasServer = turns.every(({ serverMicros }) => serverMicros !== undefined)
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
    ...(hasServer ? { serverCpu: spread(serverCpu) } : {}),
    latency: latencyOf(turns),
    ...(hasSwitches
      ? { switchesPerOperation: digits(sum(turns, ({ switches = 0 }) => switches) / operations) }
      : {}),
    connections: Math.max(...turns.map(({ connections }) => connections)),
    inFlight: digits(inFlightOf(turns)),
    ratios: {
      throughput: ratio(perSecond),
      cpu: ratio(cpu),
      clientCpu: ratio(clientCpu),
      ...(hasServer ? { serverCpu: ratio(serverCpu) } : {}),
      p50: ratio(percentile(0.5)),
      p99: ratio(percentile(0.99)),
    },
  }
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

/** More digits than figures like these have would be noise. */
function digits(value: number): number {
  return Number(value.toPrecision(SIGNIFICANT_DIGITS))
}
