import type { Scope } from '../../base/scope.ts'
import type { BoundKnex } from '../../tenant-knex.ts'

const KEYS = new WeakMap<object, symbol>()

/**
 * The name under which an adapter adds a tenantKnex to a framework. TenantKnexes that share a scope have
 * the same name. A framework refuses a name that exists. So an application can have several tenantKnexes,
 * but each only once.
 */
export function keyOf(scope: Scope<BoundKnex>): symbol {
  const key = KEYS.get(scope.key) ?? Symbol('tenant-knex.request')
  KEYS.set(scope.key, key)
  return key
}
