import { TenantKnexError } from '../../base/errors.ts'
import { checkFunction, invalid, isObject, rejectUnknownKeys } from '../../base/option-checks.ts'
import { isThenable } from '../../base/thenable.ts'
import type { Resolution, Resolver, TenantRequest } from '../../resolve/tenant-request.ts'
import {
  type BoundKnex,
  innards,
  type TenantKnex,
  type TenantKnexInnards,
} from '../../tenant-knex.ts'
import { idType } from '../../tenants/names.ts'
import { requestError } from './request-error.ts'

/** The options that all adapters for HTTP accept. */
export interface RequestOptions {
  /** Says which tenant a request is for: a resolver of `tenant-knex/resolve`, or your own function. */
  readonly resolve: Resolver
  /**
   * Returns true for a request that needs no tenant, such as a health check. The request goes on with no
   * tenant in scope. The request's `url` includes the query: `/health?x` is not `/health`.
   * @defaultValue `() => false`
   */
  readonly skip?: (request: TenantRequest) => boolean
}

/** The tenant of a request. */
export interface RequestTenant {
  readonly knex: BoundKnex
  /** The URL for the router in place of the request's own, if the resolver returned one. */
  readonly url: string | undefined
}

/** Finds the tenants of requests. */
export class RequestTenants {
  readonly scope: TenantKnexInnards['scope']
  readonly #locate: TenantKnexInnards['locate']
  readonly #resolve: Resolver
  readonly #skip: (request: TenantRequest) => boolean

  /**
   * @param own the names of the adapter's own options
   * @throws `ERR_OPTION_INVALID`
   */
  constructor(tenantKnex: TenantKnex, options: RequestOptions, own: readonly string[]) {
    const { scope, locate } = innards(tenantKnex)
    this.scope = scope
    this.#locate = locate
    if (!isObject(options)) throw invalid('The options must be an object with `resolve`.')
    rejectUnknownKeys(options, ['resolve', 'skip', ...own], '')
    this.#resolve = checkFunction('resolve', options.resolve)
    this.#skip = checkFunction('skip', options.skip ?? (() => false))
  }

  /**
   * The tenant of a request. Undefined if the request needs none. Returns no promise if the tenant is
   * known at once.
   *
   * @throws a `TenantRequestError` if the request names no tenant, or if its tenant cannot be found. Any
   * other error of the resolver. It throws at once or rejects
   */
  find(request: TenantRequest): RequestTenant | undefined | Promise<RequestTenant | undefined> {
    try {
      if (this.#skip(request)) return undefined
      const resolution = this.#resolve(request)
      const found = isThenable(resolution)
        ? Promise.resolve(resolution).then((it) => this.#bind(it))
        : this.#bind(resolution)
      return found instanceof Promise ? found.catch(rethrow) : found
    } catch (error) {
      throw requestError(error)
    }
  }

  /**
   * Calls `enter` with the result of {@link find}, or `refuse` with its error. Calls it at once if
   * {@link find} returns no promise.
   *
   * @returns the result of `enter` or `refuse`
   */
  settle<R>(
    request: TenantRequest,
    enter: (found: RequestTenant | undefined) => R | PromiseLike<R>,
    refuse: (error: unknown) => R | PromiseLike<R>,
  ): R | PromiseLike<R> {
    let found: ReturnType<RequestTenants['find']>
    try {
      found = this.find(request)
    } catch (error) {
      return refuse(error)
    }
    return found instanceof Promise ? found.then(enter, refuse) : enter(found)
  }

  #bind(resolution: Resolution): RequestTenant | Promise<RequestTenant> {
    const { tenant, url } = named(resolution)
    const knex = this.#locate(tenant)
    return knex instanceof Promise ? knex.then((knex) => ({ knex, url })) : { knex, url }
  }
}

/** Checks a resolver's result. A result of a wrong type is a mistake of the program, not of the request. */
function named(resolution: unknown): { readonly tenant: string; readonly url?: string } {
  if (typeof resolution === 'string') return { tenant: resolution }
  if (resolution === undefined || resolution === null) {
    throw new TenantKnexError('ERR_NO_TENANT', 'The request names no tenant.')
  }
  const { tenant, url } = resolution as { tenant?: unknown; url?: unknown }
  const isUrl = url === undefined || typeof url === 'string'
  if (typeof tenant === 'string' && isUrl) return resolution as { tenant: string; url?: string }
  const got = isObject(resolution) ? 'an object that is not `{ tenant, url }`' : idType(resolution)
  throw invalid(`The resolver must return a string or undefined, got ${got}.`)
}

function rethrow(error: unknown): never {
  throw requestError(error)
}
