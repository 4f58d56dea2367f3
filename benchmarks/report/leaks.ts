import type { Table } from '../support/format.ts'

/** What one contender leaks, by the names of the probes. */
export interface Leaks {
  readonly name: string
  readonly leaks: readonly string[]
  /** What it has no way to try. */
  readonly untried: readonly string[]
}

/** What `leaks.ts` has found on one server. */
export interface LeaksResult {
  readonly probes: readonly string[]
  readonly contenders: readonly Leaks[]
}

/** A row for each probe, after one of how many leak, and a column for each contender. */
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
