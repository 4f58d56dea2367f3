import type { CachedReads } from './cached-reads.ts'
import type { Comparison } from './comparison.ts'
import { CONNECTIONS, type Demo } from './demo.ts'
import { type Tally, WORKERS } from './traffic.ts'

/** The results of the demo. */
export interface Findings {
  readonly tally: Tally
  readonly statements: number
  readonly connectionCounts: readonly number[]
  readonly cachedReads: CachedReads
  readonly comparison: Comparison
  readonly wrongTotals: readonly string[]
}

type Line = readonly [heading: string, value: string, explanation: string]

/** Prints the results as a table. */
export function printReport(demo: Demo, findings: Findings): void {
  const { tally, statements, connectionCounts, cachedReads, wrongTotals } = findings
  printTable([
    ['tenants', number(demo.countries.size), 'a database each'],
    ['workers', number(WORKERS), 'requests at a time, each for a random tenant'],
    [
      'connections',
      number(Math.max(...connectionCounts)),
      `at most; the server was asked ${number(connectionCounts.length)} times; limit ${CONNECTIONS}`,
    ],
    describeRequests(tally),
    ['queries', number(statements), 'creating the tenants included'],
    [
      'switches per query',
      (countSwitches(demo) / statements).toFixed(2),
      'tenants at random: the worst case',
    ],
    ['rows read', number(tally.rows), ''],
    ['wrong rows', number(tally.wrongRows), 'of another tenant, or missing'],
    ['wrong totals', number(wrongTotals.length), 'tenants with a write too many or too few'],
    describeCache(cachedReads),
    ['wrong from a cache', number(cachedReads.wrong), "all tenants' caches have the same key"],
    describeThroughput(findings.comparison),
  ])
}

function describeRequests({ requests }: Tally): Line {
  const { read, list, write, transaction, stream } = requests
  const kinds = [
    `${number(read + list)} reads`,
    `${number(write)} writes`,
    `${number(transaction)} transactions`,
    `${number(stream)} streams`,
  ]
  return ['requests', number(read + list + write + transaction + stream), kinds.join(', ')]
}

function describeCache({ reads, computed }: CachedReads): Line {
  return ['cached reads', number(reads), `of which ${number(computed)} asked the database`]
}

function describeThroughput({ median, quartiles, rounds }: Comparison): Line {
  const spread = quartiles.map((ratio) => ratio.toFixed(2)).join(' to ')
  const explanation = `plain Knex on one database (${rounds} rounds, half of them ${spread})`
  return ['throughput', `${median.toFixed(2)} x`, explanation]
}

function countSwitches({ tenantKnex }: Demo): number {
  return tenantKnex.stats().servers.reduce((total, { switches }) => total + switches, 0)
}

function printTable(lines: readonly Line[]): void {
  const headingWidth = Math.max(...lines.map(([heading]) => heading.length))
  const valueWidth = Math.max(...lines.map(([, value]) => value.length))
  console.log()
  for (const [heading, value, explanation] of lines) {
    console.log(`${heading.padEnd(headingWidth)}  ${value.padStart(valueWidth)}  ${explanation}`)
  }
}

function number(value: number): string {
  return value.toLocaleString('en')
}
