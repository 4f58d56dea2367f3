import { TenantKnexError } from '../base/errors.ts'

/** A store failed, or did not answer in time. */
export class StoreUnavailable extends Error {
  /** @param problem what happened, as the end of a sentence about the store */
  constructor(problem: string, cause?: unknown) {
    super(problem, { cause })
  }
}

/** A call waited too long for another call of this process. The store did not cause this. */
export class WaitedTooLong extends StoreUnavailable {}

/** The error that a tenant's cache reports when its store is unavailable. */
export function cacheUnavailable(
  { message, cause }: StoreUnavailable,
  tenant: string | undefined,
): TenantKnexError {
  const whose = tenant === undefined ? 'shared cache' : `cache of tenant ${JSON.stringify(tenant)}`
  return new TenantKnexError(
    'ERR_CACHE_UNAVAILABLE',
    `The store of the ${whose} is unavailable: ${message}.`,
    { tenant, cause },
  )
}
