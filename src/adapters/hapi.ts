import type { Lifecycle, Plugin, Request, ResponseToolkit } from '@hapi/hapi'
import { TenantKnexError } from '../base/errors.ts'
import { checkFunction } from '../base/option-checks.ts'
import { nodeRequest } from '../resolve/tenant-request.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import { answerAs, type Boom, toBoom } from './hapi/boom.ts'
import { RequestScopes } from './hapi/request-scopes.ts'
import { missingTenantError, requestError, TenantRequestError } from './http/request-error.ts'
import { type RequestOptions, RequestTenants } from './http/request-tenants.ts'

export { type RequestOptions, TenantRequestError }

type BoundKnex = ReturnType<TenantKnex>

declare module '@hapi/hapi' {
  interface Request {
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
   * place of the error with the status 404, which is the answer's unless it says otherwise. As all extensions of `onRequest` it runs
   * before routing and payload. `h.continue` lets the request go on without a tenant.
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
 * `request.knex`. A request that is for no tenant fails with 404, one that does not say clearly for
 * which with 400, one whose tenant cannot be looked up now with 503: errors for `onPreResponse` to show.
 *
 * It serves the whole server. Extensions of `onRequest` that are added before it see no tenant yet.
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
  // For several tenantKnexes. Hapi refuses one a second time, by the decorations.
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
      // What is returned here would end the extensions, and those after this one show errors.
      if (error) answerAs(response as Boom, error)
      return h.continue
    })
  },
}

/**
 * Lets the router see another URL, where there is one. Hapi makes a whole one of it, with what the
 * client says is the host, which may be anything.
 *
 * @returns what is wrong
 */
function setUrl(request: Request, url: string | undefined): unknown {
  if (url === undefined) return undefined
  try {
    request.setUrl(url, request.server.settings.router?.stripTrailingSlash)
    return undefined
  } catch (cause) {
    const message = 'The request names a host that no URL can have.'
    return requestError(new TenantKnexError('ERR_REQUEST_INVALID', message, { cause }))
  }
}

/** What becomes of a request without a tenant. */
function refusal(onNotFound: NotFoundMethod) {
  return async (request: Request, h: ResponseToolkit, error: unknown): Promise<Answer> => {
    if (!(error instanceof TenantRequestError)) throw error
    const boom = toBoom(error)
    if (boom.status !== 404) throw boom
    const answer = await onNotFound(request, h, boom)
    // Before routing Hapi takes no other answers than these, and one that takes over.
    if (answer === undefined || typeof answer === 'symbol' || answer instanceof Error) return answer
    const response = h.response(answer as object)
    return (response.statusCode === null ? response.code(404) : response).takeover()
  }
}

function fail(_request: Request, _h: ResponseToolkit, error: TenantRequestError): never {
  throw error
}
