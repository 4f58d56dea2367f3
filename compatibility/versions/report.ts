import type { Libraries } from './releases.ts'
import { say } from './say.ts'
import type { Outcome } from './suite.ts'

const HEADINGS = ['Node', 'Knex', 'mysql2', 'passed', 'skipped', 'failed', 'seconds']

/** The result of one run of all tests. */
export interface Result extends Outcome, Libraries {
  readonly node: string
}

/** Tells how one run went, with the failures in full. */
export function sayResult(result: Result): void {
  sayOutcome(nameOf(result), result)
}

/** Like {@link sayResult}, for a run with another name. */
export function sayOutcome(name: string, { passed, skipped, failures, seconds }: Outcome): void {
  const counts = `${passed} passed, ${skipped} skipped, ${failures.length} failed`
  say(`${name}: ${counts} (${seconds.toFixed(0)} s)`)
  for (const { title, message } of failures) say(`FAILED ${title}\n${indent(message)}`)
}

/** Prints the servers and the table, followed by the names of failed tests. */
export function printReport(servers: readonly string[], results: readonly Result[]): void {
  const rows = [HEADINGS, ...results.map(cells)]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => width(row, column))))
  console.log(`\nOn ${servers.join(', ')}:\n`)
  for (const row of rows)
    console.log(row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '))
  for (const result of results) {
    for (const { title } of result.failures)
      console.log(`\nFAILED on ${nameOf(result)}:\n  ${title}`)
  }
}

function cells({ node, knex, mysql2, passed, skipped, failures, seconds }: Result): string[] {
  return [node, knex, mysql2, ...[passed, skipped, failures.length].map(String), seconds.toFixed(0)]
}

function width(row: readonly string[], column: number): number {
  return row[column]?.length ?? 0
}

function nameOf({ node, knex, mysql2 }: Result): string {
  return `Node ${node}, Knex ${knex}, mysql2 ${mysql2}`
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
