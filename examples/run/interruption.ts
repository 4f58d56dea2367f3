import { watchParent } from '../../test/support/servers/watch-parent.ts'

/** Aborts at Ctrl-C and similar signals, so that the program can clean up before the process ends. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  const interrupt = (): void => controller.abort()
  // A signal may come twice: npm passes on what a terminal has sent to all processes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  // The terminal is closed, or the output goes to `| head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', interrupt)
  watchParent(interrupt)
  controller.signal.addEventListener('abort', () => console.error('\nstopping'))
  return controller.signal
}
