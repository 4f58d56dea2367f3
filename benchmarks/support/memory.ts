import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Collects all garbage.
 *
 * @throws Error where Node was started without `--expose-gc`
 */
export async function collectGarbage(): Promise<void> {
  if (!globalThis.gc) throw new Error('run this with node --expose-gc')
  // What a new WeakRef points to is held until its turn of the event loop ends, and finalizers run
  // in a later one: one collection makes garbage for the next.
  for (let times = 0; times < 4; times++) {
    await nextTurn()
    globalThis.gc()
  }
}

/** The heap that is in use once all garbage is collected, in bytes. */
export async function heapInUse(): Promise<number> {
  await collectGarbage()
  return process.memoryUsage().heapUsed
}
