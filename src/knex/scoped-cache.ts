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

/** Entries that are listed in one scope and may be read in another. */
async function* checked(
  entries: AsyncIterable<unknown>,
  check: () => void,
): AsyncGenerator<unknown> {
  for await (const entry of entries) {
    check()
    yield entry
  }
}
