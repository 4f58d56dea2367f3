import { watchParent } from '../../test/support/servers/watch-parent.ts'

/** Aborts at Ctrl-C and its relatives, so that everything is put away before the process ends. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  const interrupt = (): void => controller.abort()
  // They may come twice: npm passes on what a terminal has sent to all.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  // A terminal that is gone, or `| head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', interrupt)
  watchParent(interrupt)
  controller.signal.addEventListener('abort', () => console.error('\nstopping'))
  return controller.signal
}
