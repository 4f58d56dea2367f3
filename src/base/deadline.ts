/**
 * Gives work a time limit. The result is the work's own; `onLate` should make it end.
 *
 * @param onLate called once if the work takes longer
 */
export async function withLimit<T>(
  millis: number,
  work: Promise<T>,
  onLate: () => void,
): Promise<T> {
  const timer = setTimeout(onLate, millis)
  try {
    return await work
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Waits for work within a time limit. The work itself goes on after it.
 *
 * @param late makes the error if the work takes longer
 */
export async function inTime<T>(
  millis: number,
  work: T | PromiseLike<T>,
  late: () => unknown,
): Promise<T> {
  let giveUp: (reason: unknown) => void = () => undefined
  const timedOut = new Promise<never>((_, reject) => {
    giveUp = reject
  })
  return withLimit(millis, Promise.race([work, timedOut]), () => giveUp(late()))
}

/** Waits for work, but no longer than a time. Rejects if the work does so in time. */
export async function waitAtMost(millis: number, work: Promise<unknown>): Promise<void> {
  let giveUp: () => void = () => undefined
  const late = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  await withLimit(millis, Promise.race([work, late]), giveUp)
}
