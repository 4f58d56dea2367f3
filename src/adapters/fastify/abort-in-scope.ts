import type { FastifyReply, FastifyRequest } from 'fastify'
import { scopeOfResponse } from '../http/keep-in-scope.ts'

/**
 * Lets listeners of `request.signal` run in the request's scope. Fastify aborts it by a timer that it has
 * set before all hooks, and an error that a listener throws there ends the process.
 */
export function abortInScope(request: FastifyRequest, reply: FastifyReply): void {
  const { signal } = request
  const controller = new AbortController()
  const abort = (): void => controller.abort(signal.reason)
  signal.addEventListener('abort', () => scopeOfResponse(reply.raw)?.call(abort), { once: true })
  Object.defineProperty(request, 'signal', { value: controller.signal, configurable: true })
}
