import { Socket } from 'node:net'

/** How long the tests' process may go on after its last test. */
const LIMIT_MILLIS = 30_000

/**
 * Mocha calls it after the last test. What is left open then would keep an application from ending,
 * too: it is named, where the run would else hang without a word, and the run ends as its tests did.
 */
export function mochaGlobalTeardown(): void {
  setTimeout(() => {
    console.error(`\nSTILL OPEN ${LIMIT_MILLIS / 1_000} s after the last test:`)
    for (const line of openHandles()) console.error(`  ${line}`)
    process.exit()
  }, LIMIT_MILLIS).unref()
}

function openHandles(): string[] {
  // Undocumented, but nothing else tells which socket it is.
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
