import { invalid } from '../base/option-checks.ts'
import { checkTenantId } from '../tenants/names.ts'
import type { Resolver } from './tenant-request.ts'

/**
 * Returns the tenant of this process: the environment variable `TENANT`. Use it in scripts, and if each
 * tenant has a process of its own.
 *
 * @example
 * await tenantKnex.run(environmentTenant(), main) // TENANT=acme node script.js
 * @throws `ERR_OPTION_INVALID` if the variable is not set, `ERR_TENANT_ID_INVALID`
 */
export function environmentTenant(): string {
  const { TENANT: tenant } = process.env
  if (!tenant) {
    throw invalid(
      'The environment variable TENANT is not set. Set it to the tenant of this process.',
    )
  }
  checkTenantId(tenant)
  return tenant
}

/**
 * All requests are for one tenant: the given one. Without an argument it is the tenant of
 * {@link environmentTenant}, which is read when `fixed` is called.
 *
 * @throws `ERR_OPTION_INVALID`, `ERR_TENANT_ID_INVALID`
 */
export function fixed(...given: [tenantId?: string]): Resolver {
  // Not `?? environment`: an id that is undefined by mistake must not become a tenant's.
  const [tenantId] = given.length === 0 ? [environmentTenant()] : given
  checkTenantId(tenantId)
  return () => tenantId
}
