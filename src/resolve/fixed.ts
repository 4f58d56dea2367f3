import { invalid } from '../base/option-checks.ts'
import { checkTenantId } from '../tenants/names.ts'
import type { Resolver } from './tenant-request.ts'

/**
 * The one tenant of this process, from the environment variable `TENANT`: for scripts, and for one
 * process per tenant.
 *
 * @example
 * await tenantKnex.run(environmentTenant(), main) // TENANT=acme node script.js
 * @throws `ERR_OPTION_INVALID` where the variable is not set, `ERR_TENANT_ID_INVALID`
 */
export function environmentTenant(): string {
  const { TENANT: tenant } = process.env
  if (!tenant) {
    throw invalid(
      'The environment variable TENANT is not set: it names the tenant of this process.',
    )
  }
  checkTenantId(tenant)
  return tenant
}

/**
 * Each request is for one tenant: the given one, or without an argument that of
 * {@link environmentTenant}, which is read now.
 *
 * @throws `ERR_OPTION_INVALID`, `ERR_TENANT_ID_INVALID`
 */
export function fixed(...given: [tenantId?: string]): Resolver {
  // Not `?? environment`: an id that turns out to be undefined must not be anybody's.
  const [tenantId] = given.length === 0 ? [environmentTenant()] : given
  checkTenantId(tenantId)
  return () => tenantId
}
