/*
 * Runs Knex's own tests twice on each server: with plain Knex, and with Knexes that tenant-knex has bound to
 * a database. Prints the tests that pass with only one of the two. Fails if `knex-suite/exceptions.ts` does
 * not explain a difference.
 */
import { runCommand } from '../test/support/servers/command.ts'
import type { Reaper } from '../test/support/servers/reaper.ts'
import { knexCheckout } from './knex-suite/checkout.ts'
import { compare } from './knex-suite/compare.ts'
import { withDatabase } from './knex-suite/database.ts'
import { exceptions } from './knex-suite/exceptions.ts'
import { report, reportUnneeded } from './knex-suite/report.ts'
import { runTests, type Subject, type TestRun } from './knex-suite/run-tests.ts'
import { build, givenServers, SERVER_COUNT } from './suite-setup.ts'

await runCommand('knex-suite', async ({ reaper }) => ((await isExplained(reaper)) ? 0 : 1))

/** Whether all that differs is explained. */
async function isExplained(reaper: Reaper): Promise<boolean> {
  build()
  const checkout = await knexCheckout(reaper)
  const needed = new Set<string>()
  let isEachExplained = true
  const given = givenServers('test:knex')
  for (const [server, url] of given) {
    const run = (subject: Subject): Promise<TestRun> =>
      withDatabase(url, (databaseUrl) => runTests(reaper, { checkout, subject, databaseUrl }))
    const plain = await run('knex')
    const ours = await run('tenant-knex')
    const comparison = compare(plain.tests, ours.tests)
    for (const { title } of comparison.lost) needed.add(title)
    isEachExplained = report(server, { plain, ours, comparison }) && isEachExplained
  }
  // Some are for one server only.
  if (given.length === SERVER_COUNT)
    reportUnneeded(Object.keys(exceptions).filter((title) => !needed.has(title)))
  return isEachExplained
}
