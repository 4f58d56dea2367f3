import { compare, type Lost } from '../knex-suite/compare.ts'
import { titlesOf } from '../knex-suite/tests.ts'
import { type Mode, OURS } from './modes.ts'
import type { SuiteRun } from './run.ts'
import type { ForeignSuite } from './suite.ts'
import type { DrivenOutcome } from './tenants-at-once.ts'

/** A suite's runs on one server. */
export interface Outcome {
  readonly suite: ForeignSuite
  readonly server: string
  readonly runs: ReadonlyMap<Mode, SuiteRun>
}

/** The numbers of passed and failed tests, such as `28/0`. */
export function countOf({ tests }: SuiteRun): string {
  return `${titlesOf(tests, 'passed').length}/${titlesOf(tests, 'failed').length}`
}

/** Prints the differences from the run with plain Knex. Returns true if all are explained. */
export function report({ suite, server, runs }: Outcome): boolean {
  const plain = runOf(runs, 'plain')
  console.log(`${suite.name} ${suite.version}, ${server}, plain: ${countOf(plain)}`)
  for (const title of titlesOf(plain.tests, 'failed'))
    console.log(`  fails with plain Knex: ${title}`)
  const results = OURS.map((mode) => reportMode(suite, mode, plain, runOf(runs, mode)))
  return results.every(Boolean)
}

/** Prints the result of a package in three tenants at once. Returns true if all of it was right. */
export function reportTenants({ driven, server, drivings }: DrivenOutcome): boolean {
  for (const { way, checks, wrong, not } of drivings) {
    const result = not ? `not tried: ${not}` : `${checks} checks, ${wrong.length} wrong`
    console.log(`${driven.name} ${driven.version}, ${server}, three tenants, ${way}: ${result}`)
    for (const each of wrong.slice(0, 5)) console.log(`  ${each}`)
  }
  return drivings.every(
    ({ checks, wrong, not }) => wrong.length === 0 && (checks > 0 || not !== undefined),
  )
}

function reportMode(suite: ForeignSuite, mode: Mode, plain: SuiteRun, ours: SuiteRun): boolean {
  const { acquires, handOvers } = ours.use
  console.log(`  ${mode}: ${countOf(ours)}, ${acquires} acquires, ${handOvers} hand-overs`)
  const { lost, gained } = compare(plain.tests, ours.tests)
  for (const title of gained) console.log(`    passes with ours only: ${title}`)
  for (const each of lost) printLost(each, reasonOf(suite, each))
  const surprising = lost.filter((each) => reasonOf(suite, each) === undefined)
  // Without the second condition, tests that get plain Knex by mistake would pass.
  return surprising.length === 0 && acquires > 0 && (handOvers > 0 || mode !== 'neighbour')
}

function reasonOf({ exceptions = {} }: ForeignSuite, { title }: Lost): string | undefined {
  return Object.entries(exceptions).find(([beginning]) => title.startsWith(beginning))?.[1]
}

function printLost({ title, reason }: Lost, why: string | undefined): void {
  console.log(`    ${why === undefined ? 'FAILS' : 'differs:'} ${title}`)
  const lines = (why ?? reason).split('\n').slice(0, 8)
  for (const line of lines) console.log(`      ${line}`)
}

function runOf(runs: Outcome['runs'], mode: Mode): SuiteRun {
  return runs.get(mode) as SuiteRun
}
