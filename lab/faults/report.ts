import type { Cell, Tried } from './run-cell.ts'

/** All attempts of one cell on one server. */
export interface Row {
  readonly cell: Cell
  readonly server: string
  readonly tried: readonly Tried[]
  /** The problems; empty if there are none. */
  readonly failures: readonly string[]
}

/** A markdown table: fault, phase, server and results. */
export function table(rows: readonly Row[]): string {
  const head = [
    '| Fault | Phase | Server | Tries | Callers got | Recovery, ms |',
    '| - | - | - | -: | - | -: |',
  ]
  const lines = rows.map(({ cell, server, tried, failures }) => {
    const failed = failures.length > 0 ? `**FAILED ${failures.length}**; ` : ''
    const seen = failed + countLabels(tried)
    const cells = [cell.fault, cell.phase, server, tried.length + failures.length, seen]
    return `| ${[...cells, recoveryOf(tried)].join(' | ')} |`
  })
  return [...head, ...lines].join('\n')
}

/** Median and maximum; empty if the pool was destroyed. */
function recoveryOf(tried: readonly Tried[]): string {
  const millis = tried
    .flatMap(({ recoveryMillis }) => (recoveryMillis === undefined ? [] : [recoveryMillis]))
    .sort((a, b) => a - b)
  const median = millis[Math.floor(millis.length / 2)]
  return median === undefined ? '' : `${Math.round(median)} (≤ ${Math.round(millis.at(-1) ?? 0)})`
}

function countLabels(tried: readonly Tried[]): string {
  const counts = new Map<string, number>()
  for (const label of tried.flatMap(({ labels }) => labels)) {
    counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([label, count]) => `${count} ${label}`)
    .join(', ')
}
