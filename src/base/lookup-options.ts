import {
  checkInteger,
  checkMillis,
  invalid,
  isObject,
  MAX_MILLIS,
  rejectUnknownKeys,
  withoutUndefined,
} from './option-checks.ts'

/** How the answers of a look-up are kept. All times are in milliseconds. */
export interface LookupOptions {
  /** How long a value is taken as it is, from when it was asked for. @defaultValue 60_000 */
  readonly ttlMillis?: number
  /** The same where the look-up knew nothing of the key. @defaultValue 5_000 */
  readonly negativeTtlMillis?: number
  /**
   * How much longer a value is used while the look-up fails. Where it knew nothing of a key, that is
   * not used longer.
   * @defaultValue 3_600_000
   */
  readonly staleMillis?: number
  /** How long whoever asks waits for the look-up. @defaultValue 2_000 */
  readonly timeoutMillis?: number
  /**
   * Keys whose values are kept; and as many again of which nothing is known, which so never push out
   * those that are in use.
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

const MAX_KEYS = 2 ** 20 // their places are allocated at once

/**
 * Merges the user's options with the defaults and checks them.
 *
 * @param prefix what stands before the names in messages
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
