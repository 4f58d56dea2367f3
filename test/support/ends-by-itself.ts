import { Socket } from 'node:net'

/** How long the tests' process may continue after its last test. */
const LIMIT_MILLIS = 30_000

/**
 * Mocha calls this after the last test. A resource that is still open would also keep an application from
 * ending. So this names it, instead of letting the run hang silently, and ends the run with the tests'
 * result.
 */
export function mochaGlobalTeardown(): void {
  setTimeout(() => {
    console.error(`\nSTILL OPEN ${LIMIT_MILLIS / 1_000} s after the last test:`)
    for (const line of openHandles()) console.error(`  ${line}`)
    process.exit()
  }, LIMIT_MILLIS).unref()
}

function openHandles(): string[] {
  // Undocumented, but no other function tells which socket it is.
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): object[] }
  return [...process.getActiveResourcesInfo(), ...handles.call(process).map(describeHandle)]
}

function describeHandle(handle: object): string {
  const { pid, spawnargs } = handle as { pid?: number; spawnargs?: string[] }
  if (handle instanceof Socket) {
    const { localPort, remoteAddress, remotePort, connecting, destroyed } = handle
    return `Socket ${JSON.stringify({ localPort, remoteAddress, remotePort, connecting, destroyed })}`
  }
  return pid === undefined ? handle.constructor.name : `process ${pid}: ${spawnargs?.join(' ')}`
}
