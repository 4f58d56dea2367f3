import type { Context, Middleware, Next } from 'koa'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest } from '../resolve/tenant-request.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import { keepInScope } from './http/keep-in-scope.ts'
import { TenantRequestError } from './http/request-error.ts'
import { RequestScope } from './http/request-scope.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'
import { extendApplication } from './koa/extend-application.ts'

export { type RequestOptions, TenantRequestError }

type BoundKnex = ReturnType<TenantKnex>

declare module 'koa' {
  interface DefaultState {
    /** The tenant that the request is for; undefined where it needs none. */
    tenant?: BoundKnex['tenant'] | undefined
    /** The tenant's Knex; undefined where the request needs none. */
    knex?: BoundKnex | undefined
  }
}

/** Options of {@link tenantMiddleware}. */
export interface TenantMiddlewareOptions extends RequestOptions {
  /**
   * Answers a request whose tenant is known not to exist before a handler begins, with none in scope, in
   * place of the error with the status 404. It may go on with `next()`, without a tenant.
   */
  readonly onNotFound?: (ctx: Context, next: Next, error: TenantRequestError) => unknown
}

/**
 * Koa middleware that runs the rest of each request with its tenant in scope, and sets
 * `ctx.state.tenant` and `ctx.state.knex`: the middleware after it, streamed bodies, and listeners of
 * the app's `error` event and of `ctx.req` and `ctx.res`. Middleware before it has no tenant in scope,
 * but finds both in `ctx.state` after its `next()`.
 *
 * A request that is for no tenant fails with the status 404, one that does not say clearly for which
 * with 400, one whose tenant cannot be looked up now with 503.
 *
 * @example
 * app.use(tenantMiddleware(tenantKnex, { resolve: subdomain({ baseDomains: ['example.com'] }) }))
 * app.use(async (ctx) => {
 *   ctx.body = await tenantKnex.ambient('orders') // or ctx.state.knex
 * })
 * @throws `ERR_OPTION_INVALID`
 */
export function tenantMiddleware(
  tenantKnex: TenantKnex,
  options: TenantMiddlewareOptions,
): Middleware {
  const tenants = new RequestTenants(tenantKnex, options, ['onNotFound'])
  const onNotFound = checkFunction('onNotFound', options.onNotFound ?? fail)

  const open = (ctx: Context, knex: BoundKnex | undefined): RequestScope => {
    const scope = new RequestScope(tenants.scope, knex)
    extendApplication(ctx.app)
    keepInScope(ctx.req, ctx.res, scope)
    ctx.state.tenant = knex?.tenant
    ctx.state.knex = knex
    return scope
  }

  return function tenant(ctx: Context, next: Next) {
    return tenants.settle<unknown>(
      nodeRequest(ctx.req, ctx),
      (found) => {
        const scope = open(ctx, found?.knex)
        if (found?.url !== undefined) ctx.url = found.url
        return scope.call(next)
      },
      (error) => {
        const scope = open(ctx, undefined)
        if (!(error instanceof TenantRequestError && error.status === 404)) throw error
        return scope.call(() => onNotFound(ctx, next, error))
      },
    )
  }
}

function fail(_ctx: Context, _next: Next, error: TenantRequestError): never {
  throw error
}
