import { writeFileSync } from 'node:fs'
import { runCommand } from '../../../test/support/servers/command.ts'
import { page } from './report.ts'
import { readReport } from './results.ts'
import { runStryker } from './stryker.ts'

const RESULTS = new URL('./results.md', import.meta.url)

await runCommand('mutants', async ({ reaper }) => {
  const results = readReport(await runStryker(reaper))
  writeFileSync(RESULTS, page(results))
  for (const problem of results.problems) console.error(`mutants: ${problem}`)
  return results.problems.length === 0 ? 0 : 1
})
