import { CachedLookup } from '../base/cached-lookup.ts'
import { type LookupOptions, resolveLookupOptions } from '../base/lookup-options.ts'
import { checkFunction, invalid, isObject } from '../base/option-checks.ts'
import { parseHost } from './host.ts'
import { idProblem, type NamedTenant } from './named-tenant.ts'
import { checkTrust, type HostOptions, requestHost } from './request-host.ts'
import type { TenantRequest } from './tenant-request.ts'

/** Options of {@link hostLookup}. */
export interface HostLookupOptions extends LookupOptions, HostOptions {}

/** A resolver that caches the answers of a look-up. */
export interface HostLookupResolver {
  (request: TenantRequest): string | null | Promise<string | null>
  /**
   * Removes a host from the cache, so that its next request looks the tenant up again. Call it in every
   * process when a host gets or loses its tenant. Otherwise the change takes effect when the cached
   * answer becomes too old.
   *
   * @throws `ERR_OPTION_INVALID`
   */
  forget(host: string): void
}

/**
 * Your function looks up the tenant of a host name. It gets the name in lower case, in punycode, without
 * port. It returns the tenant's id, or null or undefined if the host has no tenant. Its answers are
 * cached. It is called once at a time for each host, outside any tenant's scope.
 *
 * @example
 * resolve: hostLookup(async (host) => (await central('domains').where({ host }).first())?.tenant)
 * @throws `ERR_OPTION_INVALID`. The resolver throws `ERR_REQUEST_INVALID`. It throws `ERR_LOOKUP_FAILED`
 * if there is no earlier answer and the function throws, takes too long, or returns neither an id nor
 * null or undefined
 */
export function hostLookup(
  lookup: (host: string) => NamedTenant | Promise<NamedTenant>,
  options: HostLookupOptions = {},
): HostLookupResolver {
  checkFunction('lookup', lookup)
  if (!isObject(options)) throw invalid('`hostLookup` takes its options as an object.')
  const { trustForwardedHost, ...cacheOptions } = options
  const trustForwarded = checkTrust(trustForwardedHost)
  const cache = new CachedLookup<string>(
    'The look-up of hosts',
    lookup,
    resolveLookupOptions(cacheOptions),
    { problemOf: idProblem },
  )
  const resolve = (request: TenantRequest): string | null | Promise<string | null> => {
    const host = requestHost(request, trustForwarded)
    if (host === undefined) return null
    const known = cache.peek(host)
    return known === undefined ? cache.get(host) : known
  }
  return Object.assign(resolve, { forget: (host: string) => cache.forget(checkHost(host)) })
}

function checkHost(host: unknown): string {
  const refuse = (problem: string): Error => invalid(`\`forget\` takes a host name: ${problem}.`)
  if (typeof host !== 'string') throw refuse('it is not a string')
  return parseHost(host, refuse)
}
