import type { Lifecycle, Plugin, Request, ResponseToolkit } from '@hapi/hapi'
import { TenantKnexError } from '../base/errors.ts'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest } from '../resolve/tenant-request.ts'
import type { BoundKnex, TenantKnex } from '../tenant-knex.ts'
import { answerAs, type Boom, toBoom } from './hapi/boom.ts'
import { RequestScopes } from './hapi/request-scopes.ts'
import { missingTenantError, requestError, TenantRequestError } from './http/request-error.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'

export { type RequestOptions, TenantRequestError }

declare module '@hapi/hapi' {
  interface Request {
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
   * called if that is known before a handler begins. No tenant is in scope. The status is 404 unless it
   * sets another. Like all extensions of `onRequest`, it runs before routing and before the payload is
   * read. If it returns `h.continue`, the request goes on without a tenant.
   */
  readonly onNotFound?: NotFoundMethod
}

type NotFoundMethod = (
  request: Request,
  h: ResponseToolkit,
  error: TenantRequestError,
) => Lifecycle.ReturnValue
type Answer = Awaited<Lifecycle.ReturnValue>

/**
 * Hapi plugin that runs each request with its tenant in scope, and sets `request.tenant` and
 * `request.knex`.
 *
 * A request fails with an error that `onPreResponse` can show:
 *
 * - status 404, if the request names no tenant, or one that does not exist,
 * - status 400, if the request does not say clearly which tenant it is for,
 * - status 503, if the tenant cannot be looked up now.
 *
 * The plugin serves the whole server. Extensions of `onRequest` that are added before it have no tenant
 * yet.
 *
 * @example
 * await server.register({
 *   plugin: tenantPlugin,
 *   options: { tenantKnex, resolve: subdomain({ baseDomains: ['example.com'] }) },
 * })
 * @throws `ERR_OPTION_INVALID`, when registered
 */
export const tenantPlugin: Plugin<TenantPluginOptions> = {
  name: 'tenant-knex',
  requirements: { hapi: '>=21' },
  // Several tenantKnexes may be registered. Hapi refuses a second registration of one tenantKnex,
  // because its decoration exists.
  multiple: true,

  register(server, options) {
    const tenants = new RequestTenants(options?.tenantKnex, options, ['tenantKnex', 'onNotFound'])
    const refuse = refusal(checkFunction('onNotFound', options.onNotFound ?? fail))
    const scopes = new RequestScopes(server, tenants.scope)
    for (const name of ['tenant', 'knex'] as const) {
      if (server.decorations.request.includes(name)) continue
      server.decorate('request', name, () => undefined, { apply: true })
    }

    server.ext('onRequest', (request, h) =>
      tenants.settle<Answer>(
        nodeRequest(request.raw.req, request),
        (found) => {
          const problem = found && setUrl(request, found.url)
          if (problem) return refuse(request, h, problem)
          if (found) scopes.fill(request, found.knex)
          request.tenant = found?.knex.tenant
          request.knex = found?.knex
          return h.continue
        },
        (error) => refuse(request, h, error),
      ),
    )
    server.ext('onPreResponse', ({ response }, h) => {
      const error = missingTenantError(response)
      // Continue, because a returned value would end the extensions, and later ones show errors.
      if (error) answerAs(response as Boom, error)
      return h.continue
    })
  },
}

/**
 * Sets the URL that the router gets, if there is another one. Hapi makes an absolute URL of it, with the
 * host that the client has sent. That host may be any text.
 *
 * @returns the error, if no URL can have this host
 */
function setUrl(request: Request, url: string | undefined): unknown {
  if (url === undefined) return undefined
  try {
    request.setUrl(url, request.server.settings.router?.stripTrailingSlash)
    return undefined
  } catch (cause) {
    const message = 'The request names a host that is not valid in a URL.'
    return requestError(new TenantKnexError('ERR_REQUEST_INVALID', message, { cause }))
  }
}

/** Makes the function that answers a request without a tenant. */
function refusal(onNotFound: NotFoundMethod) {
  return async (request: Request, h: ResponseToolkit, error: unknown): Promise<Answer> => {
    if (!(error instanceof TenantRequestError)) throw error
    const boom = toBoom(error)
    if (boom.status !== 404) throw boom
    const answer = await onNotFound(request, h, boom)
    // Before routing, Hapi accepts only these values, and a response that takes over.
    if (answer === undefined || typeof answer === 'symbol' || answer instanceof Error) return answer
    const response = h.response(answer as object)
    return (response.statusCode === null ? response.code(404) : response).takeover()
  }
}

function fail(_request: Request, _h: ResponseToolkit, error: TenantRequestError): never {
  throw error
}
