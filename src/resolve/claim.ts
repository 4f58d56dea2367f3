import { checkFunction } from '../base/option-checks.ts'
import { isThenable } from '../base/thenable.ts'
import { type NamedTenant, namedTenant } from './named-tenant.ts'
import type { Resolver, TenantRequest } from './tenant-request.ts'

/**
 * Your function returns the tenant's id from the framework's own request, such as a claim of a verified
 * token or of the session. It runs when the adapter runs. So verify the token in an earlier middleware,
 * or in the function itself.
 *
 * @example
 * resolve: claim((ctx: Context) => ctx.state.user?.tenant)
 * @throws `ERR_OPTION_INVALID`. The resolver throws what the function throws, and `ERR_LOOKUP_FAILED` if
 * the function returns neither an id nor null or undefined
 */
export function claim<Raw = unknown>(
  claimOf: (raw: Raw, request: TenantRequest) => NamedTenant | Promise<NamedTenant>,
): Resolver {
  checkFunction('claim', claimOf)
  return (request) => {
    const claimed = claimOf(request.raw as Raw, request)
    return isThenable(claimed) ? Promise.resolve(claimed).then(checkClaimed) : checkClaimed(claimed)
  }
}

function checkClaimed(claimed: NamedTenant): string | null {
  return namedTenant(claimed, 'The function of `claim`')
}
