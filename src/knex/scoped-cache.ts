import type { TenantCache } from '../cache/tenant-cache.ts'

const made = new WeakMap<TenantCache, TenantCache>()

/**
 * A tenant's cache for code that uses the scope. It refuses to work in another tenant's scope: code that
 * keeps the cache would otherwise read one tenant's values for all tenants.
 *
 * @param check throws in another tenant's scope
 */
export function scopedCache(cache: TenantCache, check: () => void): TenantCache {
  const known = made.get(cache)
  if (known) return known
  const scoped = new Proxy(cache, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target) // a proxy cannot read private fields
      if (value === undefined) return value // `await` looks for a `then`
      if (typeof value !== 'function') {
        check()
        return value
      }
      return (...args: unknown[]): unknown => {
        check()
        const result: unknown = Reflect.apply(value, target, args)
        if (result === target) return scoped
        return isEntries(result) ? checked(result, check) : result
      }
    },
    set(target, name, value) {
      check()
      return Reflect.set(target, name, value, target)
    },
  })
  made.set(cache, scoped)
  return scoped
}

function isEntries(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result
}

/** Checks the scope before each entry, because the list may be read in another scope. */
async function* checked(
  entries: AsyncIterable<unknown>,
  check: () => void,
): AsyncGenerator<unknown> {
  for await (const entry of entries) {
    check()
    yield entry
  }
}
