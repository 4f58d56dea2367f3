import { figure, ratio, type Table } from '../support/format.ts'
import type { SeenByOthers } from '../support/neighbours.ts'
import { percentiles, quartiles } from '../support/statistics.ts'

/** The other tenants' results in one scenario, by round. */
export interface Observation {
  readonly contender: string
  readonly scenario: string
  readonly rounds: readonly SeenByOthers[]
}

/** The results of `neighbours.ts` on one server. */
export interface NeighboursResult {
  readonly tenants: number
  readonly poolMax: number
  readonly measuredMillis: number
  readonly busyMillis: number
  /** Statements per second of all connections together. */
  readonly capacity: number
  /** The first observation of each contender is the baseline of its others. */
  readonly observations: readonly Observation[]
}

/** One row for each contender and scenario: medians of the rounds. */
export function neighboursTable({ observations }: NeighboursResult): Table {
  return [
    [
      '',
      'beside them',
      'p50, ms',
      'p95',
      'p99',
      'p99, of quiet',
      'errors',
      'abusers answered',
      'abusers refused',
      'sent too late, p99, ms',
    ],
    ...observations.map((observation) => row(observation, quietOf(observations, observation))),
  ]
}

function quietOf(observations: readonly Observation[], { contender }: Observation): Observation {
  return observations.find((each) => each.contender === contender) as Observation
}

function row({ contender, scenario, rounds }: Observation, quiet: Observation): string[] {
  const median = (value: (seen: SeenByOthers) => number): string =>
    figure(percentiles(rounds.map(value), [0.5])[0], 3)
  const ratios = rounds.map(
    ({ latency }, round) => latency.p99 / (quiet.rounds[round] as SeenByOthers).latency.p99,
  )
  return [
    contender,
    scenario,
    median(({ latency }) => latency.p50),
    median(({ latency }) => latency.p95),
    median(({ latency }) => latency.p99),
    ratio(quartiles(ratios)),
    String(rounds.reduce((sum, { errors }) => sum + errors, 0)),
    median(({ abusers }) => abusers.answered),
    median(({ abusers }) => abusers.failed),
    median(({ lateness }) => lateness),
  ]
}
