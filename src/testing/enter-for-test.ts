import { TenantKnexError } from '../base/errors.ts'
import { innards, type TenantKnex } from '../tenant-knex.ts'

/**
 * Puts a tenant in scope for a test, from a hook that runs before the test. The tenant is in scope for all
 * code of this process that has no scope of its own, from `run`, an adapter or `enter`. Most test runners
 * call a hook in another asynchronous context than the test, so `tenantKnex.enter` does not reach the test
 * from a hook.
 *
 * There can be one tenant at a time for the whole process. So tests that use it cannot run concurrently in
 * one process.
 *
 * @returns a function that ends it. Call it after the test. Vitest calls it if the hook returns it
 * @throws `ERR_OPTION_INVALID` while another tenant is in scope, and what the call of a tenantKnex throws
 * @example
 * let leave: () => void
 * beforeEach(() => {
 *   leave = enterForTest(tenantKnex, 'acme')
 * })
 * afterEach(() => leave())
 */
export function enterForTest(tenantKnex: TenantKnex, tenantId: string): () => void {
  const { scope } = innards(tenantKnex)
  const leave = scope.fallBackTo(tenantKnex(tenantId))
  if (leave) return leave
  throw new TenantKnexError(
    'ERR_OPTION_INVALID',
    `Tenant ${JSON.stringify(tenantId)} cannot be entered, because the tenant of another test is in scope. ` +
      'In the afterEach of that test, call the function that enterForTest() returned. Tests that run ' +
      'concurrently must use tenantKnex.run().',
    { tenant: tenantId },
  )
}
