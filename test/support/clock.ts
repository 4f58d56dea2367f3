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
