import { writeFileSync } from 'node:fs'
import { countOf, type Outcome } from './report.ts'
import type { DrivenOutcome, Driving } from './tenants-at-once.ts'

const FILE = new URL('./results.md', import.meta.url)

const INTRODUCTION = `# Other packages through tenant-knex

Written by \`npm run test:foreign\`, which [the page on compatibility](../README.md#other-packages) describes. Which of these packages to use how is in [the guide](../../docs/other-packages.md).`

const SUITES = `## Their own tests

Passed and failed. *Bound*: through a bound Knex. *Neighbour*: the same over a pool of 4, while another tenant leaves traces in all of its connections. *Connections* and *hand-overs* are of that run: how many were acquired, and how often one came from the other tenant. A test that passes with plain Knex and not with ours is named below the table.

| Package | Server | Plain Knex | Bound | Neighbour | Connections | Hand-overs |
| - | - | - | - | - | - | - |`

const TENANTS = `## In three tenants at once

Programs of this project's own (\`tenants/\`) use each package as npm has it, in three tenants at once over a pool of 4. Each tenant has rows with the same ids. *Bound*: what the package makes is made once for each tenant, with a bound Knex. *Ambient*: it is made once, with \`tenantKnex.ambient\`. The numbers are of what was compared, and of what was another tenant's.

| Package | Server | Bound | Ambient |
| - | - | - | - |`

/** Writes the tables of results. */
export function writeResults(outcomes: readonly Outcome[], driven: readonly DrivenOutcome[]): void {
  const { node } = process.versions
  const lines = [
    INTRODUCTION,
    '',
    `On Node ${node}, with the Knex and the mysql2 that are installed here.`,
    '',
    SUITES,
    ...outcomes.map(suiteRow),
    '',
    ...exceptionLines(outcomes),
    TENANTS,
    ...driven.map(tenantsRow),
  ]
  writeFileSync(FILE, `${lines.join('\n')}\n`)
}

function suiteRow({ suite, server, runs }: Outcome): string {
  const cells = [...runs.values()].map(countOf)
  const { acquires = 0, handOvers = 0 } = runs.get('neighbour')?.use ?? {}
  return row([`${suite.name} ${suite.version}`, server, ...cells, acquires, handOvers])
}

function exceptionLines(outcomes: readonly Outcome[]): string[] {
  const suites = new Set(outcomes.map(({ suite }) => suite))
  return [...suites].flatMap(({ name, exceptions = {} }) =>
    Object.entries(exceptions).flatMap(([title, why]) => [`- ${name}, "${title}": ${why}`, '']),
  )
}

function tenantsRow({ driven, server, drivings }: DrivenOutcome): string {
  return row([`${driven.name} ${driven.version}`, server, ...drivings.map(drivingCell)])
}

function drivingCell({ checks, wrong, not }: Driving): string {
  return not === undefined ? `${checks}, ${wrong.length} wrong` : `not tried: ${not}`
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}
