/** Runs a function while the clock of this process shows a later time. */
export async function withClockAhead(millis: number, fn: () => Promise<void>): Promise<void> {
  const { now } = Date
  Date.now = () => now() + millis
  try {
    await fn()
  } finally {
    Date.now = now
  }
}
