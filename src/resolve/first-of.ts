import { checkFunction, invalid } from '../base/option-checks.ts'
import { isThenable } from '../base/thenable.ts'
import type { Resolution, Resolver, TenantRequest } from './tenant-request.ts'

/**
 * The tenant is that of the first resolver that names one. The others are not asked then; nor are they
 * where one fails, which is not taken for naming nobody.
 *
 * @example
 * resolve: firstOf(subdomain({ baseDomains: ['example.com'] }), hostLookup(redisHosts(client)))
 * @throws `ERR_OPTION_INVALID`; the resolver what those that are asked throw
 */
export function firstOf(...resolvers: readonly Resolver[]): Resolver {
  if (resolvers.some(Array.isArray)) {
    throw invalid('Pass the resolvers one by one, not as an array: `firstOf(a, b)`.')
  }
  if (resolvers.length === 0) throw invalid('`firstOf` takes at least one resolver.')
  for (const [index, resolver] of resolvers.entries()) checkFunction(`firstOf[${index}]`, resolver)
  return (request) => askFrom(0, resolvers, request)
}

/** No promise before there is one. */
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
