import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Collects all garbage.
 *
 * @throws Error if Node was started without `--expose-gc`
 */
export async function collectGarbage(): Promise<void> {
  if (!globalThis.gc) throw new Error('run this with node --expose-gc')
  // The target of a new WeakRef is held until its turn of the event loop ends, and finalizers run in a later
  // turn. So one collection makes garbage for the next.
  for (let times = 0; times < 4; times++) {
    await nextTurn()
    globalThis.gc()
  }
}

/**
 * Collects young garbage, so that it does not cost time in the next turn. It does not collect all garbage,
 * because that would throw away compiled code. A statement would then take four times as long, mostly for
 * compiling.
 */
export function collectYoungGarbage(): void {
  globalThis.gc?.({ type: 'minor' })
}

/** The used heap after collecting all garbage, in bytes. */
export async function heapInUse(): Promise<number> {
  await collectGarbage()
  return process.memoryUsage().heapUsed
}
