/** A global symbol: the adapter may use another copy of this package. */
const MISSING: unique symbol = Symbol.for('tenant-knex.missing-tenant') as never

/** Frameworks read these properties of an error. `expose: false` keeps the message out of the response. */
const NOT_FOUND = { [MISSING]: true, status: 404, statusCode: 404, expose: false }

/**
 * Marks an error as "the tenant in scope has no database", so that frameworks answer with 404. The properties
 * are not enumerable, so logs and deep comparisons see the original error.
 */
export function markMissing(error: object): void {
  if (!Object.isExtensible(error)) return
  for (const key of Reflect.ownKeys(NOT_FOUND)) {
    const value = Reflect.get(NOT_FOUND, key)
    Object.defineProperty(error, key, { value, configurable: true, writable: true })
  }
}

/** True for an error that {@link markMissing} has marked. */
export function isMarkedMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && MISSING in error
}
