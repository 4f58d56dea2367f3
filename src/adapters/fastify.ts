import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { TenantKnexError } from '../base/errors.ts'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest, type TenantRequest } from '../resolve/tenant-request.ts'
import type { BoundKnex, TenantKnex } from '../tenant-knex.ts'
import { abortInScope } from './http/abort-in-scope.ts'
import { keepInScope, scopeOfResponse } from './http/keep-in-scope.ts'
import { missingTenantError, TenantRequestError } from './http/request-error.ts'
import { RequestScope } from './http/request-scope.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'
import { keyOf } from './http/scope-keys.ts'

export { rewriteTenantUrl } from './fastify/rewrite-url.ts'
export { type RequestOptions, TenantRequestError }

declare module 'fastify' {
  interface FastifyRequest {
    /** The tenant that the request is for. Undefined if it needs none. */
    tenant?: BoundKnex['tenant'] | undefined
    /** The tenant's Knex. Undefined if the request needs none. */
    knex?: BoundKnex | undefined
  }
}

/** Options of {@link tenantPlugin}. */
export interface TenantPluginOptions extends RequestOptions {
  readonly tenantKnex: TenantKnex
  /**
   * Answers a request if its tenant does not exist, in place of the error with the status 404. It is
   * called if that is known before a handler begins. No tenant is in scope. Like any handler, it sends a
   * reply or returns the payload. The status is 404 unless it sets another.
   */
  readonly onNotFound?: NotFoundHandler
}

type NotFoundHandler = (
  this: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  error: TenantRequestError,
) => unknown

type Done = (error?: Error) => void

/** The options of Fastify's `register` itself, which it passes to each plugin, too. */
const REGISTER_OPTIONS = ['prefix', 'logLevel', 'logSerializers']

/**
 * Fastify plugin that runs each request with its tenant in scope, and sets `request.tenant` and
 * `request.knex`. The tenant is in scope in body parsers, handlers, streamed bodies and error handlers,
 * and in hooks that are added after the plugin.
 *
 * A request fails like with an error of Fastify's own:
 *
 * - status 404, if the request names no tenant, or one that does not exist,
 * - status 400, if the request does not say clearly which tenant it is for,
 * - status 503, if the tenant cannot be looked up now.
 *
 * The plugin serves the context that it is registered in, and the contexts inside that. If the resolver
 * removes the tenant from the URL, pass {@link rewriteTenantUrl} to Fastify, because Fastify routes first.
 *
 * @example
 * await app.register(tenantPlugin, {
 *   tenantKnex,
 *   resolve: subdomain({ baseDomains: ['example.com'] }),
 * })
 * @throws `ERR_OPTION_INVALID`, when registered
 */
export const tenantPlugin: FastifyPluginAsync<TenantPluginOptions> = Object.assign(register, {
  // As the package fastify-plugin sets them: hooks and decorators go to the context around the plugin.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'tenant-knex',
  [Symbol.for('plugin-meta')]: { name: 'tenant-knex', fastify: '5.x' },
})

async function register(app: FastifyInstance, options: TenantPluginOptions): Promise<void> {
  const own = ['tenantKnex', 'onNotFound', ...REGISTER_OPTIONS]
  const tenants = new RequestTenants(options.tenantKnex, options, own)
  const onNotFound = checkFunction('onNotFound', options.onNotFound ?? fail)
  // Fastify refuses a second registration of one tenantKnex, because this decorator exists. Several
  // tenantKnexes share the other two decorators.
  app.decorateRequest(keyOf(tenants.scope), null)
  for (const name of ['tenant', 'knex']) {
    if (!app.hasRequestDecorator(name)) app.decorateRequest(name, undefined)
  }

  const open = (request: FastifyRequest, reply: FastifyReply, knex?: BoundKnex): RequestScope => {
    const scope = new RequestScope(tenants.scope, knex)
    keepInScope(request.raw, reply.raw, scope)
    if (request.routeOptions.handlerTimeout) keepSignal(request, reply)
    request.tenant = knex?.tenant
    request.knex = knex
    if (knex) reply.send = sendMissing
    return scope
  }

  app.addHook('onRequest', (request, reply, done) => {
    tenants.settle<void>(
      asSent(request),
      (found) => {
        const problem = isRouted(request, found?.url) ? undefined : notRewritten()
        open(request, reply, problem ? undefined : found?.knex).call(() => done(problem))
      },
      (error) => {
        const scope = open(request, reply)
        if (!isNotFound(error)) return scope.call(() => done(error as Error))
        const answer = (): unknown => onNotFound.call(app, request, reply, error)
        scope.call(() => send(reply, answer).catch(done))
      },
    )
  })
  // `handlerTimeout` and `connectionTimeout` call these outside the request's scope.
  app.addHook('onError', (_request, reply, _error, done) => reenter(reply, done))
  // With this hook Fastify keeps each connection's last request, so it is added only if it can run.
  if (app.initialConfig.connectionTimeout) {
    app.addHook('onTimeout', (_request, reply, done) => reenter(reply, done))
  }
}

/** The request as it was before `rewriteUrl`. */
function asSent(request: FastifyRequest): TenantRequest {
  const { raw, originalUrl } = request
  if (raw.url === originalUrl) return nodeRequest(raw, request)
  const { headers, rawHeaders, httpVersionMajor } = raw
  return nodeRequest({ url: originalUrl, headers, rawHeaders, httpVersionMajor }, request)
}

/** True if `rewriteUrl` has changed the URL before the router read it, or if no change was needed. */
function isRouted(request: FastifyRequest, url: string | undefined): boolean {
  return url === undefined || url === request.originalUrl || request.url !== request.originalUrl
}

function notRewritten(): TenantKnexError {
  return new TenantKnexError(
    'ERR_OPTION_INVALID',
    'The resolver removes the tenant from the URL, but Fastify has already routed the request. Call ' +
      'fastify({ rewriteUrl: rewriteTenantUrl({ resolve, skip }) }) with a synchronous resolver.',
  )
}

/** Keeps `request.signal` in scope. Fastify aborts it in a timer that it sets before all hooks. */
function keepSignal(request: FastifyRequest, { raw }: FastifyReply): void {
  const value = abortInScope(request.signal, () => scopeOfResponse(raw))
  Object.defineProperty(request, 'signal', { value, configurable: true })
}

function reenter(reply: FastifyReply, done: Done): void {
  const scope = scopeOfResponse(reply.raw)
  if (scope) scope.call(done)
  else done()
}

/**
 * Replaces `reply.send`. All errors pass here before an error handler gets them. All replies share one
 * function, because a function for each reply would cost more.
 */
function sendMissing(this: FastifyReply, payload?: unknown): FastifyReply {
  return Object.getPrototypeOf(this).send.call(this, missingTenantError(payload) ?? payload)
}

function isNotFound(error: unknown): error is TenantRequestError {
  return error instanceof TenantRequestError && error.status === 404
}

async function send(reply: FastifyReply, answer: () => unknown): Promise<void> {
  // Not `reply.code()`: that would also be the status of a redirection or of an error.
  reply.raw.statusCode = 404
  const payload = await answer()
  if (payload !== undefined) reply.send(payload)
}

function fail(_request: FastifyRequest, _reply: FastifyReply, error: TenantRequestError): never {
  throw error
}
