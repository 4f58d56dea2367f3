import { checkFunction } from '../base/option-checks.ts'
import { isThenable } from '../base/thenable.ts'
import { type NamedTenant, namedTenant } from './named-tenant.ts'
import type { Resolver, TenantRequest } from './tenant-request.ts'

/**
 * The tenant is what your function finds in the framework's own request, such as a claim of a verified
 * token or of the session. It runs when the adapter does: what it reads must be there by then, or be
 * verified by the function itself.
 *
 * @example
 * resolve: claim((ctx: Context) => ctx.state.user?.tenant)
 * @throws `ERR_OPTION_INVALID`; the resolver what the function throws, and `ERR_LOOKUP_FAILED` where it
 * gives neither an id nor nothing
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
