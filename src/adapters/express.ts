import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest } from '../resolve/tenant-request.ts'
import type { BoundKnex, TenantKnex } from '../tenant-knex.ts'
import { keepInScope } from './http/keep-in-scope.ts'
import { TenantRequestError } from './http/request-error.ts'
import { RequestScope } from './http/request-scope.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'

export { type RequestOptions, TenantRequestError }

declare global {
  namespace Express {
    interface Request {
      /** The tenant that the request is for. Undefined if it needs none. */
      tenant?: BoundKnex['tenant'] | undefined
      /** The tenant's Knex. Undefined if the request needs none. */
      knex?: BoundKnex | undefined
    }
  }
}

/** Options of {@link tenantMiddleware}. */
export interface TenantMiddlewareOptions extends RequestOptions {
  /**
   * Answers a request if its tenant does not exist, in place of the error with the status 404. It is
   * called if that is known before a handler begins. No tenant is in scope. It may call `next()`: then
   * the request goes on without a tenant.
   */
  readonly onNotFound?: (
    req: Request,
    res: Response,
    next: NextFunction,
    error: TenantRequestError,
  ) => unknown
}

/**
 * Express middleware that runs the rest of each request with its tenant in scope, and sets `req.tenant`
 * and `req.knex`. The tenant is in scope in handlers, error handlers and streams, and in listeners of
 * `req` and `res`.
 *
 * Express passes these errors to the error handlers:
 *
 * - status 404, if the request names no tenant, or one that does not exist,
 * - status 400, if the request does not say clearly which tenant it is for,
 * - status 503, if the tenant cannot be looked up now.
 *
 * @example
 * app.use(tenantMiddleware(tenantKnex, { resolve: subdomain({ baseDomains: ['example.com'] }) }))
 * app.get('/orders', async (req, res) => {
 *   res.json(await tenantKnex.ambient('orders')) // or req.knex
 * })
 * @throws `ERR_OPTION_INVALID`
 */
export function tenantMiddleware(
  tenantKnex: TenantKnex,
  options: TenantMiddlewareOptions,
): RequestHandler {
  const tenants = new RequestTenants(tenantKnex, options, ['onNotFound'])
  const { onNotFound } = options
  if (onNotFound !== undefined) checkFunction('onNotFound', onNotFound)

  const open = (req: Request, res: Response, knex: BoundKnex | undefined): RequestScope => {
    const scope = new RequestScope(tenants.scope, knex)
    // Own properties, not prototypes: an application that another one calls replaces the prototypes.
    keepInScope(req, res, scope)
    req.tenant = knex?.tenant
    req.knex = knex
    return scope
  }

  return function tenant(req, res, next) {
    void tenants.settle<void>(
      nodeRequest(req),
      (found) => {
        const scope = open(req, res, found?.knex)
        if (found?.url !== undefined) req.url = found.url
        scope.call(() => next())
      },
      (error) => {
        const scope = open(req, res, undefined)
        const isAnswered = onNotFound && error instanceof TenantRequestError && error.status === 404
        if (!isAnswered) return scope.call(() => next(error))
        return scope.call(() => forward(async () => onNotFound(req, res, next, error), next))
      },
    )
  }
}

/** Passes a rejection to `next`, because Express 4 does not await promises. */
async function forward(fn: () => Promise<unknown>, next: NextFunction): Promise<void> {
  try {
    await fn()
  } catch (error) {
    next(error)
  }
}
