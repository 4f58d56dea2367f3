import { TenantKnexError } from '../base/errors.ts'
import { innards, type TenantKnex } from '../tenant-knex.ts'

/**
 * Puts a tenant in scope for a test, from a hook that runs before it: for all code of this process that no
 * `run`, adapter or `enter` has given a scope of its own. Most test runners call a hook in another
 * asynchronous context than the test, so `tenantKnex.enter` does not reach the test from there.
 *
 * It is the same for the whole process, so there can be one at a time, and tests that use it cannot run
 * concurrently in one process.
 *
 * @returns a function that ends it. Call it after the test; Vitest does so if the hook returns it.
 * @throws `ERR_OPTION_INVALID` while another one is in scope, and as the call of a tenantKnex
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
    `Tenant ${JSON.stringify(tenantId)} cannot be entered: the tenant of another test is in scope. Call ` +
      'what enterForTest() has returned there, in afterEach. Tests that run concurrently use tenantKnex.run().',
    { tenant: tenantId },
  )
}
