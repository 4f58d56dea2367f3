import type { RequestScope } from './request-scope.ts'

/**
 * A signal that is aborted when another one is, in a request's scope. Of the other one, listeners run
 * wherever it was aborted. If one throws as it finds no tenant there, that ends the process.
 */
export function abortInScope(
  signal: AbortSignal,
  scope: () => RequestScope | undefined,
): AbortSignal {
  const controller = new AbortController()
  const abort = (): void => controller.abort(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', () => scope()?.call(abort), { once: true })
  return controller.signal
}
