/** Users' functions may give promises of any kind. One that cannot be read rejects when awaited. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
  } catch {
    return true
  }
}
