import { cpus } from 'node:os'
import { AIMED_PHASES } from './faults/aim.ts'
import { CONNECTION_FAULTS } from './faults/connections.ts'
import type { StormRun } from './run-storm.ts'

type Counts = Readonly<Record<string, number>>

/** A page with the results of all storms so far. */
export function page(command: string, runs: readonly StormRun[]): string {
  const servers = [...new Set(runs.map(({ server }) => server))].sort()
  const of = (server: string): StormRun[] => runs.filter((run) => run.server === server)
  const each = (cell: (own: readonly StormRun[]) => string): string[] =>
    servers.map((server) => cell(of(server)))
  const versions = servers.map((server) => `${server} ${of(server)[0]?.version}`)
  return `# Storms

What came of storms over this project's own tenantKnex: 50 tenants over a pool of 8 behind a proxy, each row looked at, each database audited, and each fault made while they ran. CONTRIBUTING.md says how to run them.

    ${command}

${versions.join(', ')}; Node ${process.versions.node}; ${cpus().length} cores.

${table(['', ...servers], totals(each))}

A witness asked each server which statements it had run and in which databases, past the library; the share is of the statements with a tag that were sent. "In doubt" are writes whose connection was lost before their answer.

## Faults that strike one connection, by its phase

How often, ${servers.join(' / ')}.

${table(['Fault', ...AIMED_PHASES], cells(servers.map(of)))}

Each waits for a connection to be in the phase that was chosen, holds what it sends, what it is answered or both, and strikes. Other phases that were struck where none came to be: ${others(runs)}.

## Faults that strike a server, a tenant or this process

${table(['Fault', ...servers], tally(servers.map(of), otherFaults))}

## What callers got

Operations that failed, by code and outcome.

${table(
  ['Error', ...servers],
  tally(servers.map(of), ({ report }) => report.errors),
)}

## Storms

${table(['Server', 'Kind', 'Switching', 'Cleaned', 'Seed', 'Operations', 'Faults', 'Seconds', 'Heap, MB'], runs.map(line))}

${violations(runs)}
`
}

function totals(each: (cell: (own: readonly StormRun[]) => string) => string[]): string[][] {
  const total = (count: (run: StormRun) => number) => (own: readonly StormRun[]) =>
    show(sum(own.map(count)))
  return [
    ['Storms', ...each((own) => show(own.length))],
    ['Operations', ...each(total(({ report }) => report.operations))],
    ['Rows looked at', ...each(total(({ report }) => report.rows))],
    ['Writes acknowledged', ...each(total(({ report }) => report.writes.acknowledged))],
    ['Writes undone or refused', ...each(total(({ report }) => report.writes.denied))],
    ['Writes in doubt', ...each(total(({ report }) => report.writes.doubted))],
    ['Faults', ...each(total(({ report }) => sum(Object.values(report.faults))))],
    ['Statements witnessed', ...each(witnessed)],
    ['Connections at most', ...each((own) => show(most(own)))],
    ['Violations', ...each(total(({ report }) => report.violations.length))],
  ]
}

function witnessed(own: readonly StormRun[]): string {
  const seen = sum(own.map(({ report }) => report.witnessed))
  return `${show(seen)} (${Math.round((100 * seen) / sum(own.map(({ tagged }) => tagged)))} %)`
}

function most(own: readonly StormRun[]): number {
  return Math.max(...own.map(({ report }) => report.connections ?? 0))
}

function otherFaults({ report }: StormRun): Counts {
  const entries = Object.entries(report.faults)
  return Object.fromEntries(entries.filter(([name]) => !CONNECTION_FAULTS.includes(name)))
}

function cells(byServer: readonly (readonly StormRun[])[]): string[][] {
  return CONNECTION_FAULTS.map((fault) => [
    fault,
    ...AIMED_PHASES.map((phase) =>
      byServer
        .map((runs) => show(sum(runs.map(({ report }) => report.struck[fault]?.[phase] ?? 0))))
        .join(' / '),
    ),
  ])
}

function others(runs: readonly StormRun[]): string {
  const counts = new Map<string, number>()
  for (const fault of CONNECTION_FAULTS) {
    for (const { report } of runs) {
      for (const [phase, count] of Object.entries(report.struck[fault] ?? {})) {
        if ((AIMED_PHASES as readonly string[]).includes(phase)) continue
        counts.set(phase, (counts.get(phase) ?? 0) + count)
      }
    }
  }
  return [...counts].map(([phase, count]) => `${phase} ${show(count)}`).join(', ') || 'none'
}

/** One line for each name, the most frequent first. */
function tally(
  byServer: readonly (readonly StormRun[])[],
  counts: (run: StormRun) => Counts,
): string[][] {
  const names = new Set(byServer.flat().flatMap((run) => Object.keys(counts(run))))
  return [...names]
    .map((name) => ({
      name,
      numbers: byServer.map((runs) => sum(runs.map((run) => counts(run)[name] ?? 0))),
    }))
    .sort((a, b) => sum(b.numbers) - sum(a.numbers))
    .map(({ name, numbers }) => [name, ...numbers.map(show)])
}

function line({ server, kind, switching, qualify, seed, seconds, report }: StormRun): string[] {
  const { operations, faults, heap } = report
  const heaps = heap ? `${megabytes(heap.early)} to ${megabytes(heap.late)}` : ''
  const counts = [seed, operations, sum(Object.values(faults)), Math.round(seconds)].map(show)
  // In earlier storms every statement waited for its switch.
  return [server, kind, switching ?? 'roundtrip', qualify ?? 'never', ...counts, heaps]
}

function violations(runs: readonly StormRun[]): string {
  const found = runs.flatMap(({ server, kind, seed, report }) =>
    report.violations.map(
      ({ operation, message }) =>
        `- ${server}, ${kind}, seed ${seed}, operation ${operation}: ${message.split('\n')[0]}`,
    ),
  )
  return found.length === 0
    ? 'No violation.'
    : `**${found.length} violations:**\n\n${found.join('\n')}`
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index === 0 ? '-' : '-:'))
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function show(number: number): string {
  return number.toLocaleString('en')
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
