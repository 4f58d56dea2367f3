import { checkInteger, invalid, isObject, rejectUnknownKeys } from '../base/option-checks.ts'

/** Options of `tenantKnex.each`. */
export interface EachOptions {
  /**
   * How many tenants run at a time, at most `pool.max`. More are refused: their functions would start, wait
   * for a connection, and fail after `pool.acquireTimeoutMillis`.
   *
   * @defaultValue 4, or `pool.max` if that is less
   */
  readonly concurrency?: number
}

/** The result for one tenant: as in `Promise.allSettled`, with the tenant's id. */
export type TenantResult<T> =
  | { readonly tenant: string; readonly status: 'fulfilled'; readonly value: T }
  | { readonly tenant: string; readonly status: 'rejected'; readonly reason: unknown }

const DEFAULT_CONCURRENCY = 4

/**
 * Runs a function for each id, a few at a time.
 *
 * @param max the most tenants at a time
 * @throws `ERR_OPTION_INVALID`
 */
export async function eachTenant<T>(
  tenantIds: Iterable<string> | AsyncIterable<string>,
  fn: (tenantId: string) => Promise<T>,
  max: number,
  options: EachOptions = {},
): Promise<TenantResult<T>[]> {
  const concurrency = checkOptions(options, max)
  checkIds(tenantIds)
  const ids = idsOf(tenantIds)
  const results: TenantResult<T>[] = []
  let count = 0
  let isOver = false
  const work = async (): Promise<void> => {
    while (!isOver) {
      const { done, value: tenant } = await ids.next()
      if (done) return
      const index = count++
      results[index] = await settle(tenant, fn)
    }
  }
  const workers = Array.from({ length: concurrency }, () =>
    work().finally(() => {
      isOver = true // a worker ends at the end of the ids, or when their iterator fails
    }),
  )
  await Promise.allSettled(workers)
  await Promise.all(workers)
  return results
}

async function settle<T>(
  tenant: string,
  fn: (tenantId: string) => Promise<T>,
): Promise<TenantResult<T>> {
  try {
    return { tenant, status: 'fulfilled', value: await fn(tenant) }
  } catch (reason) {
    return { tenant, status: 'rejected', reason }
  }
}

/** An async generator handles concurrent `next` calls one after the other. */
async function* idsOf(
  tenantIds: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string, undefined> {
  yield* tenantIds
  return undefined
}

/** A string is rejected, although it is iterable. */
function checkIds(ids: unknown): void {
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = Object(ids)
  if (typeof ids !== 'string' && (sync ?? async)) return
  throw invalid('`each` takes the ids of tenants as an array or another iterable.')
}

function checkOptions(options: EachOptions, max: number): number {
  if (!isObject(options)) throw invalid('`each` takes its options as an object.')
  rejectUnknownKeys(options, ['concurrency'], '')
  const { concurrency = Math.min(DEFAULT_CONCURRENCY, max) } = options
  if (Number.isInteger(concurrency) && (concurrency as number) > max) {
    throw invalid(
      `\`concurrency\` must be at most \`pool.max\`, ${max}, got ${concurrency}: each tenant at a time ` +
        'needs a connection. Lower it, or use a larger pool.',
    )
  }
  return checkInteger('concurrency', concurrency, 1, max)
}
