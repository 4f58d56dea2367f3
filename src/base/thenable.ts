/**
 * True for a promise of any kind, because user functions may return any. A broken one rejects when it is
 * awaited.
 */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
  } catch {
    return true
  }
}
