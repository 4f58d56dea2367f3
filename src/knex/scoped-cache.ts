import type { TenantCache } from '../cache/tenant-cache.ts'

const made = new WeakMap<TenantCache, TenantCache>()

/**
 * A tenant's cache for code that goes by the scope: it refuses to work in another tenant's. Code that
 * keeps it would read one tenant's values for all of them.
 *
 * @param check throws in another tenant's scope
 */
export function scopedCache(cache: TenantCache, check: () => void): TenantCache {
  const known = made.get(cache)
  if (known) return known
  const scoped = new Proxy(cache, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target) // a proxy has no private fields
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        check()
        const result: unknown = Reflect.apply(value, target, args)
        return result === target ? scoped : result
      }
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  })
  made.set(cache, scoped)
  return scoped
}
