import { checkFunction, invalid } from '../base/option-checks.ts'
import { isThenable } from '../base/thenable.ts'
import type { Resolution, Resolver, TenantRequest } from './tenant-request.ts'

/**
 * Calls resolvers one after another. The first one that names a tenant decides, and the rest are not
 * called. If a resolver fails, the request fails: a failure does not mean that the request has no tenant.
 *
 * @example
 * resolve: firstOf(subdomain({ baseDomains: ['example.com'] }), hostLookup(redisHosts(client)))
 * @throws `ERR_OPTION_INVALID`. The resolver throws what a called resolver throws
 */
export function firstOf(...resolvers: readonly Resolver[]): Resolver {
  if (resolvers.some(Array.isArray)) {
    throw invalid('Pass the resolvers one by one, not as an array: `firstOf(a, b)`.')
  }
  if (resolvers.length === 0) throw invalid('`firstOf` takes at least one resolver.')
  for (const [index, resolver] of resolvers.entries()) checkFunction(`firstOf[${index}]`, resolver)
  return (request) => askFrom(0, resolvers, request)
}

/** Returns a promise only if a resolver returns one. */
function askFrom(
  index: number,
  resolvers: readonly Resolver[],
  request: TenantRequest,
): Resolution | Promise<Resolution> {
  const resolver = resolvers[index]
  if (resolver === undefined) return null
  const resolution = resolver(request)
  return isThenable(resolution)
    ? Promise.resolve(resolution).then((it) => it ?? askFrom(index + 1, resolvers, request))
    : (resolution ?? askFrom(index + 1, resolvers, request))
}
