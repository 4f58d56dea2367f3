/**
 * Gives items to a number of workers. Each worker takes the next item when it has finished one. After a
 * failure or an interruption, running items are finished and no new ones begin.
 */
export async function each<T>(
  items: Iterable<T>,
  workers: number,
  interrupted: AbortSignal,
  handle: (item: T) => Promise<void>,
): Promise<void> {
  const queue = generate(items)
  const work = async (): Promise<void> => {
    // All workers share one generator, so an error in one of them ends it for all.
    for (const item of queue) {
      interrupted.throwIfAborted()
      await handle(item)
    }
  }
  await settleAll(Array.from({ length: workers }, work))
}

/** Like `Promise.all`, but waits until all promises have settled, even if one fails. */
export async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function* generate<T>(items: Iterable<T>): Generator<T, void, undefined> {
  yield* items
}
