import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest } from '../resolve/tenant-request.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import { keepInScope } from './http/keep-in-scope.ts'
import { TenantRequestError } from './http/request-error.ts'
import { RequestScope } from './http/request-scope.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'

export { type RequestOptions, TenantRequestError }

type BoundKnex = ReturnType<TenantKnex>

declare global {
  namespace Express {
    interface Request {
      /** The tenant that the request is for; undefined where it needs none. */
      tenant?: BoundKnex['tenant'] | undefined
      /** The tenant's Knex; undefined where the request needs none. */
      knex?: BoundKnex | undefined
    }
  }
}

/** Options of {@link tenantMiddleware}. */
export interface TenantMiddlewareOptions extends RequestOptions {
  /**
   * Answers a request whose tenant is known not to exist before a handler begins, with none in scope, in
   * place of the error with the status 404. It may go on with `next()`, without a tenant.
   */
  readonly onNotFound?: (
    req: Request,
    res: Response,
    next: NextFunction,
    error: TenantRequestError,
  ) => unknown
}

/**
 * Express middleware that runs the rest of each request with its tenant in scope, and sets
 * `req.tenant` and `req.knex`: handlers, error handlers, streams, and listeners of `req` and `res`.
 *
 * A request that is for no tenant goes to the error handlers with the status 404, one that does not say
 * clearly for which with 400, one whose tenant cannot be looked up now with 503.
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
    // Not by prototypes: an application that is called by another one replaces them.
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

/** Express 4 takes no promises. */
async function forward(fn: () => Promise<unknown>, next: NextFunction): Promise<void> {
  try {
    await fn()
  } catch (error) {
    next(error)
  }
}
