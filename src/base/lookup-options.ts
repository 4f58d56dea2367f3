import {
  checkInteger,
  checkMillis,
  invalid,
  isObject,
  MAX_MILLIS,
  rejectUnknownKeys,
  withoutUndefined,
} from './option-checks.ts'

/** How long the answers of a look-up are cached. All times are in milliseconds. */
export interface LookupOptions {
  /** How long a value is fresh, from the start of the call. @defaultValue 60_000 */
  readonly ttlMillis?: number
  /** How long the answer "no value" is fresh. @defaultValue 5_000 */
  readonly negativeTtlMillis?: number
  /**
   * How much longer a stale value is used while the look-up fails. The answer "no value" is never used
   * longer.
   * @defaultValue 3_600_000
   */
  readonly staleMillis?: number
  /** How long a caller waits for the look-up. @defaultValue 2_000 */
  readonly timeoutMillis?: number
  /**
   * The most keys with a value that are cached. Keys without a value have a separate cache of the same size,
   * so they never evict keys in use.
   * @defaultValue 10_000
   */
  readonly max?: number
}

/** Options of a look-up, complete and checked. */
export type ResolvedLookupOptions = Required<LookupOptions>

/** Every default in one place. */
export const LOOKUP_DEFAULTS: ResolvedLookupOptions = Object.freeze({
  ttlMillis: 60_000,
  negativeTtlMillis: 5_000,
  staleMillis: 3_600_000,
  timeoutMillis: 2_000,
  max: 10_000,
})

const MAX_KEYS = 2 ** 20 // the cache allocates room for all of them at once

/**
 * Merges the user's options with the defaults and checks them.
 *
 * @param prefix the text before option names in messages
 * @throws `ERR_OPTION_INVALID`
 */
export function resolveLookupOptions(user: LookupOptions, prefix = ''): ResolvedLookupOptions {
  if (!isObject(user)) throw invalid(`Options of look-ups (${prefix}…) must be an object.`)
  rejectUnknownKeys(user, Object.keys(LOOKUP_DEFAULTS), prefix)
  const options = { ...LOOKUP_DEFAULTS, ...withoutUndefined(user) }
  for (const name of ['ttlMillis', 'negativeTtlMillis', 'staleMillis'] as const) {
    checkInteger(prefix + name, options[name], 0, MAX_MILLIS)
  }
  checkMillis(`${prefix}timeoutMillis`, options.timeoutMillis)
  checkInteger(`${prefix}max`, options.max, 1, MAX_KEYS)
  return Object.freeze(options)
}
