import { constants } from 'node:os'
import { messageOf } from '../../test/support/servers/run.ts'
import { Reaper } from '../../test/support/servers.ts'

/**
 * Runs a command to its exit code. At its end the reaper removes everything that the command has started or
 * created, even after a failure or a signal.
 */
export async function runCommand(main: (reaper: Reaper) => Promise<number>): Promise<never> {
  const reaper = new Reaper()
  let isInterrupted = false
  const interrupt = (signal: NodeJS.Signals): void => {
    if (isInterrupted) return
    isInterrupted = true
    console.error('\nmutants: interrupted, cleaning up')
    void reaper.end().then(() => process.exit(128 + constants.signals[signal]))
  }
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
  const code = await main(reaper).catch((error: unknown) => {
    // Running tests fail, because their servers are gone; interrupt() ends the process.
    if (isInterrupted) return new Promise<never>(() => undefined)
    console.error(`mutants: ${messageOf(error)}`)
    return 1
  })
  await reaper.end()
  process.exit(code)
}
