import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { TenantKnexError } from '../base/errors.ts'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest, type TenantRequest } from '../resolve/tenant-request.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import { abortInScope } from './http/abort-in-scope.ts'
import { keepInScope, scopeOfResponse } from './http/keep-in-scope.ts'
import { missingTenantError, TenantRequestError } from './http/request-error.ts'
import { RequestScope } from './http/request-scope.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'
import { keyOf } from './http/scope-keys.ts'

export { rewriteTenantUrl } from './fastify/rewrite-url.ts'
export { type RequestOptions, TenantRequestError }

type BoundKnex = ReturnType<TenantKnex>

declare module 'fastify' {
  interface FastifyRequest {
    /** The tenant that the request is for; undefined where it needs none. */
    tenant?: BoundKnex['tenant'] | undefined
    /** The tenant's Knex; undefined where the request needs none. */
    knex?: BoundKnex | undefined
  }
}

/** Options of {@link tenantPlugin}. */
export interface TenantPluginOptions extends RequestOptions {
  readonly tenantKnex: TenantKnex
  /**
   * Answers a request whose tenant is known not to exist before a handler begins, with none in scope, in
   * place of the error with the status 404. As any handler it sends a reply or returns what to send;
   * the status is 404 unless set.
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

/** What Fastify's `register` has of its own, and gives to each plugin. */
const REGISTER_OPTIONS = ['prefix', 'logLevel', 'logSerializers']

/**
 * Fastify plugin that runs each request with its tenant in scope, and sets `request.tenant` and
 * `request.knex`: what hooks that are added after it do, body parsers, handlers, streamed bodies and
 * error handlers. A request that is for no tenant fails with 404, one that does not say clearly for
 * which with 400, one whose tenant cannot be looked up now with 503: errors as Fastify's own.
 *
 * It serves the context that it is registered in, and the contexts inside that. Where the resolver
 * takes the tenant off the URL, Fastify must be told before it routes: see {@link rewriteTenantUrl}.
 *
 * @example
 * await app.register(tenantPlugin, {
 *   tenantKnex,
 *   resolve: subdomain({ baseDomains: ['example.com'] }),
 * })
 * @throws `ERR_OPTION_INVALID`, when registered
 */
export const tenantPlugin: FastifyPluginAsync<TenantPluginOptions> = Object.assign(register, {
  // What the package fastify-plugin sets: hooks and decorators are for the context around the plugin.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'tenant-knex',
  [Symbol.for('plugin-meta')]: { name: 'tenant-knex', fastify: '5.x' },
})

async function register(app: FastifyInstance, options: TenantPluginOptions): Promise<void> {
  const own = ['tenantKnex', 'onNotFound', ...REGISTER_OPTIONS]
  const tenants = new RequestTenants(options.tenantKnex, options, own)
  const onNotFound = checkFunction('onNotFound', options.onNotFound ?? fail)
  // Fastify refuses one tenantKnex a second time by this, and lets several have the other two.
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
  // With a hook for it Fastify keeps each connection's last request, so not without need.
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

/** Whether the router has seen the URL that it was to see, or another that `rewriteUrl` made. */
function isRouted(request: FastifyRequest, url: string | undefined): boolean {
  return url === undefined || url === request.originalUrl || request.url !== request.originalUrl
}

function notRewritten(): TenantKnexError {
  return new TenantKnexError(
    'ERR_OPTION_INVALID',
    'The resolver takes the tenant off the URL, which Fastify has routed already. Call ' +
      'fastify({ rewriteUrl: rewriteTenantUrl({ resolve, skip }) }), with a resolver that is synchronous.',
  )
}

/** Fastify aborts `request.signal` by a timer that it has set before all hooks. */
function keepSignal(request: FastifyRequest, { raw }: FastifyReply): void {
  const value = abortInScope(request.signal, () => scopeOfResponse(raw))
  Object.defineProperty(request, 'signal', { value, configurable: true })
}

function reenter(reply: FastifyReply, done: Done): void {
  const scope = scopeOfResponse(reply.raw)
  if (scope) scope.call(done)
  else done()
}

/** All errors pass here before any error handler sees them. Shared: a function for each reply would cost more. */
function sendMissing(this: FastifyReply, payload?: unknown): FastifyReply {
  return Object.getPrototypeOf(this).send.call(this, missingTenantError(payload) ?? payload)
}

function isNotFound(error: unknown): error is TenantRequestError {
  return error instanceof TenantRequestError && error.status === 404
}

async function send(reply: FastifyReply, answer: () => unknown): Promise<void> {
  // With `reply.code()` it would be the status of a redirection or of an error, too.
  reply.raw.statusCode = 404
  const payload = await answer()
  if (payload !== undefined) reply.send(payload)
}

function fail(_request: FastifyRequest, _reply: FastifyReply, error: TenantRequestError): never {
  throw error
}
