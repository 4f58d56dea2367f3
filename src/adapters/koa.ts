import type { Context, Middleware, Next } from 'koa'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest } from '../resolve/tenant-request.ts'
import type { BoundKnex, TenantKnex } from '../tenant-knex.ts'
import { keepInScope } from './http/keep-in-scope.ts'
import { TenantRequestError } from './http/request-error.ts'
import { RequestScope } from './http/request-scope.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'
import { extendApplication } from './koa/extend-application.ts'

export { type RequestOptions, TenantRequestError }

declare module 'koa' {
  interface DefaultState {
    /** The tenant that the request is for. Undefined if it needs none. */
    tenant?: BoundKnex['tenant'] | undefined
    /** The tenant's Knex. Undefined if the request needs none. */
    knex?: BoundKnex | undefined
  }
}

/** Options of {@link tenantMiddleware}. */
export interface TenantMiddlewareOptions extends RequestOptions {
  /**
   * Answers a request if its tenant does not exist, in place of the error with the status 404. It is
   * called if that is known before a handler begins. No tenant is in scope. It may call `next()`: then
   * the request goes on without a tenant.
   */
  readonly onNotFound?: (ctx: Context, next: Next, error: TenantRequestError) => unknown
}

/**
 * Koa middleware that runs the rest of each request with its tenant in scope, and sets
 * `ctx.state.tenant` and `ctx.state.knex`. The tenant is in scope in later middleware and in streamed
 * bodies. It is also in scope in listeners of `ctx.req`, of `ctx.res` and of the app's `error` event.
 * Earlier middleware has no tenant in scope, but finds both properties in `ctx.state` after its `next()`.
 *
 * A request fails with an error:
 *
 * - status 404, if the request names no tenant, or one that does not exist,
 * - status 400, if the request does not say clearly which tenant it is for,
 * - status 503, if the tenant cannot be looked up now.
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
