/** Ends the demo early. */
export class Interruption extends Error {}

/** Aborts at Ctrl-C and similar signals, so that the demo can clean up before it ends. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  const interrupt = (reason: string): void => controller.abort(new Interruption(reason))
  // A signal may come twice: npm passes on what a terminal has sent to all processes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  // The terminal is closed, or the output goes to `| head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', interrupt)
  controller.signal.addEventListener('abort', () => console.error('\ninterrupted: cleaning up'))
  return controller.signal
}
