import { TenantKnexError } from '../../base/errors.ts'
import { checkFunction, invalid, isObject, rejectUnknownKeys } from '../../base/option-checks.ts'
import { isThenable } from '../../base/thenable.ts'
import type { Resolution, Resolver, TenantRequest } from '../../resolve/tenant-request.ts'
import { innards, type TenantKnex, type TenantKnexInnards } from '../../tenant-knex.ts'
import { idType } from '../../tenants/names.ts'
import { requestError } from './request-error.ts'

type BoundKnex = ReturnType<TenantKnex>

/** What all adapters for HTTP take. */
export interface RequestOptions {
  /** Says which tenant a request is for: one of `tenant-knex/resolve`, or a function of your own. */
  readonly resolve: Resolver
  /**
   * True for a request that needs no tenant, such as a health check: it is passed on with none in scope.
   * The request's `url` includes the query: `/health?x` is not `/health`.
   * @defaultValue `() => false`
   */
  readonly skip?: (request: TenantRequest) => boolean
}

/** What was found out about a request. */
export interface RequestTenant {
  readonly knex: BoundKnex
  /** What the router is to see in place of the request's own URL, where the resolver says so. */
  readonly url: string | undefined
}

/** Finds the tenants of requests. */
export class RequestTenants {
  readonly scope: TenantKnexInnards['scope']
  readonly #locate: TenantKnexInnards['locate']
  readonly #resolve: Resolver
  readonly #skip: (request: TenantRequest) => boolean

  /**
   * @param own options of the adapter itself
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
   * The tenant of a request, no promise where that is known at once; undefined where it needs none.
   *
   * @throws a `TenantRequestError` where the request is for no tenant, or for none that can be found;
   * what else the resolver throws. At once or as a rejection
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
   * Goes on with what {@link find} finds or fails with: at once, with no promise, where that is known.
   *
   * @returns what `enter` or `refuse` returns
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

/** A result of a wrong type is a fault of the program, and says nothing of the request. */
function named(resolution: unknown): { readonly tenant: string; readonly url?: string } {
  if (typeof resolution === 'string') return { tenant: resolution }
  if (resolution === undefined || resolution === null) {
    throw new TenantKnexError('ERR_NO_TENANT', 'The request names no tenant.')
  }
  const { tenant, url } = resolution as { tenant?: unknown; url?: unknown }
  const isUrl = url === undefined || typeof url === 'string'
  if (typeof tenant === 'string' && isUrl) return resolution as { tenant: string; url?: string }
  const got = isObject(resolution) ? 'an object that is not `{ tenant, url }`' : idType(resolution)
  throw invalid(`The resolver must give a string or undefined, got ${got}.`)
}

function rethrow(error: unknown): never {
  throw requestError(error)
}
