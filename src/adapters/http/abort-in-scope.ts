import type { RequestScope } from './request-scope.ts'

/**
 * A signal that is aborted in a request's scope, when another signal is aborted. Listeners of the other
 * signal run in the scope of the code that aborts it. If a listener found no tenant there and threw, the
 * process would end.
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
