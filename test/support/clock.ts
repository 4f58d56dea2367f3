/** Runs a function while the monotonic clock of this process shows a later time. */
export async function withClockAhead(millis: number, fn: () => Promise<void>): Promise<void> {
  const now = performance.now.bind(performance)
  performance.now = () => now() + millis
  try {
    await fn()
  } finally {
    performance.now = now
  }
}

/** Runs a function while the wall clock shows an earlier time, as after a correction. */
export async function withWallClockBack(millis: number, fn: () => Promise<void>): Promise<void> {
  const { now } = Date
  Date.now = () => now() - millis
  try {
    await fn()
  } finally {
    Date.now = now
  }
}
