/** Known to every copy of this package: an adapter may be another one's. */
const MISSING: unique symbol = Symbol.for('tenant-knex.missing-tenant') as never

/** Frameworks read these properties of an error. `expose: false`: its message is for the log. */
const NOT_FOUND = { [MISSING]: true, status: 404, statusCode: 404, expose: false }

/**
 * Says of an error that the tenant in scope has no database, so that frameworks answer with 404. The
 * properties are not enumerable: logs and deep comparisons see the error as it was.
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
