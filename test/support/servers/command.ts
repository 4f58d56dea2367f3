import { constants } from 'node:os'
import { Reaper } from './reaper.ts'
import { messageOf } from './run.ts'
import { watchParent } from './watch-parent.ts'

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** What a command works with. */
export interface Run {
  /** Removes at the end what the command has started and made with it. */
  readonly reaper: Reaper
  /** Aborted by a signal, and when the process that started this one is gone. */
  readonly interruption: AbortSignal
}

/**
 * Runs a command, and ends the process with its exit code. The command cleans up first, also after a
 * failure or a signal.
 *
 * @param name begins each line that tells of a failure
 */
export async function runCommand(
  name: string,
  main: (run: Run) => Promise<number>,
): Promise<never> {
  const reaper = new Reaper()
  const controller = new AbortController()
  const interrupt = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) return
    controller.abort(new Error('interrupted'))
    console.error(`\n${name}: interrupted, cleaning up`)
    void reaper.end().then(() => process.exit(128 + constants.signals[signal]))
  }
  for (const signal of SIGNALS) process.on(signal, interrupt)
  watchParent(() => interrupt('SIGHUP'))
  const code = await main({ reaper, interruption: controller.signal }).catch((error: unknown) => {
    if (!controller.signal.aborted) console.error(`${name}: ${messageOf(error)}`)
    return 1
  })
  // The programs that ran are gone by now; interrupt() ends the process.
  if (controller.signal.aborted) return new Promise<never>(() => undefined)
  await reaper.end()
  process.exit(code)
}
