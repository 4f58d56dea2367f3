import { CachedLookup } from '../base/cached-lookup.ts'
import { type LookupOptions, resolveLookupOptions } from '../base/lookup-options.ts'
import { checkFunction, invalid, isObject } from '../base/option-checks.ts'
import { parseHost } from './host.ts'
import { idProblem, type NamedTenant } from './named-tenant.ts'
import { checkTrust, type HostOptions, requestHost } from './request-host.ts'
import type { TenantRequest } from './tenant-request.ts'

/** Options of {@link hostLookup}. */
export interface HostLookupOptions extends LookupOptions, HostOptions {}

/** A resolver that keeps what it has looked up. */
export interface HostLookupResolver {
  (request: TenantRequest): string | null | Promise<string | null>
  /**
   * The next request of a host looks its tenant up anew. To be called in every process, when a host
   * gets or loses its tenant; else that is noticed when what is kept has become too old.
   *
   * @throws `ERR_OPTION_INVALID`
   */
  forget(host: string): void
}

/**
 * The tenant is whose your function says the host name is. It gets the name in lower case, in punycode,
 * without port, and gives the id, or null or undefined where the host is nobody's. Its answers are kept,
 * and it is asked once at a time for each host, outside any tenant's scope.
 *
 * @example
 * resolve: hostLookup(async (host) => (await central('domains').where({ host }).first())?.tenant)
 * @throws `ERR_OPTION_INVALID`; the resolver `ERR_REQUEST_INVALID`, and `ERR_LOOKUP_FAILED` where the
 * function throws, takes too long or gives neither an id nor nothing, and nothing is known from before
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
  if (typeof host !== 'string') throw refuse('it is no string')
  return parseHost(host, refuse)
}
