/**
 * Hands items to a number of workers, each of which takes the next one when it is done with one.
 * After a failure or an interruption the items under way are finished, and no other is begun.
 */
export async function each<T>(
  items: Iterable<T>,
  workers: number,
  interrupted: AbortSignal,
  handle: (item: T) => Promise<void>,
): Promise<void> {
  const queue = generate(items)
  const work = async (): Promise<void> => {
    // All loop over one generator, so whoever throws ends it for all.
    for (const item of queue) {
      interrupted.throwIfAborted()
      await handle(item)
    }
  }
  await settleAll(Array.from({ length: workers }, work))
}

/** Like `Promise.all`, but leaves nothing running when one of them fails. */
export async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function* generate<T>(items: Iterable<T>): Generator<T, void, undefined> {
  yield* items
}
