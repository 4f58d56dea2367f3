import type { Scope } from '../../base/scope.ts'
import type { TenantKnex } from '../../tenant-knex.ts'

type BoundKnex = ReturnType<TenantKnex>

const KEYS = new WeakMap<object, symbol>()

/**
 * The name that a tenantKnex, and who shares its scope, has for what its adapter adds to a framework. A framework refuses a name
 * that is taken. So two tenantKnexes can share an application, and none can be in it twice.
 */
export function keyOf(scope: Scope<BoundKnex>): symbol {
  const key = KEYS.get(scope.key) ?? Symbol('tenant-knex.request')
  KEYS.set(scope.key, key)
  return key
}
