import type { Table } from '../support/format.ts'

/** The leaks of one contender, by the names of the probes. */
export interface Leaks {
  readonly name: string
  readonly leaks: readonly string[]
  /** The probes that it cannot try. */
  readonly untried: readonly string[]
}

/** The results of `leaks.ts` on one server. */
export interface LeaksResult {
  readonly probes: readonly string[]
  readonly contenders: readonly Leaks[]
}

/** One row with the number of leaks, then one for each probe; one column for each contender. */
export function leaksTable({ probes, contenders }: LeaksResult): Table {
  return [
    ['what a request leaves', ...contenders.map(({ name }) => name)],
    [`of ${probes.length}`, ...contenders.map(({ leaks }) => String(leaks.length))],
    ...probes.map((probe) => [probe, ...contenders.map((each) => cell(each, probe))]),
  ]
}

function cell({ leaks, untried }: Leaks, probe: string): string {
  if (untried.includes(probe)) return '–'
  return leaks.includes(probe) ? 'leaks' : ''
}
