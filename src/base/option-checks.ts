import { type ErrorDetails, TenantKnexError } from './errors.ts'

/** `setTimeout` fires at once for a longer duration. */
export const MAX_MILLIS: number = 2 ** 31 - 1

/** Rejects unknown keys, which are mostly typing errors. @throws `ERR_OPTION_INVALID` */
export function rejectUnknownKeys(
  given: object,
  known: readonly string[],
  prefix: string,
  details?: ErrorDetails,
): void {
  const unknown = Object.keys(given).filter((key) => !known.includes(key))
  if (unknown.length === 0) return
  const names = unknown.map((key) => `\`${prefix}${key}\``).join(', ')
  throw invalid(`Unknown option ${names}. Known here: ${[...known].sort().join(', ')}.`, details)
}

/**
 * Rejects the old name of a renamed option and tells the new one.
 *
 * @param renamed new names by the old ones
 * @throws `ERR_OPTION_INVALID`
 */
export function rejectRenamedKeys(
  given: object,
  renamed: Readonly<Record<string, string>>,
  prefix: string,
  details?: ErrorDetails,
): void {
  for (const [old, present] of Object.entries(renamed)) {
    if (!(old in given)) continue
    throw invalid(`\`${prefix}${old}\` is now called \`${prefix}${present}\`.`, details)
  }
}

/** Checks a duration that a timer can take. @throws `ERR_OPTION_INVALID` */
export function checkMillis(name: string, value: unknown): number {
  return checkInteger(name, value, 1, MAX_MILLIS)
}

/** Checks a whole number in a range. @throws `ERR_OPTION_INVALID` */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number
  }
  throw invalid(`\`${name}\` must be a whole number from ${min} to ${max}, got ${show(value)}.`)
}

/** Checks that a value is one of a few words. @throws `ERR_OPTION_INVALID` */
export function checkOneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value
  throw invalid(`\`${name}\` must be one of ${allowed.join(', ')}, got ${show(value)}.`)
}

/** @throws `ERR_OPTION_INVALID` */
export function checkFunction<T>(name: string, value: T): T {
  if (typeof value === 'function') return value
  throw invalid(`\`${name}\` must be a function, got ${show(value)}.`)
}

/** The named properties of an object that are defined. */
export function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  const picked = keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])
  return Object.fromEntries(picked) as Pick<T, K>
}

/** An object without its undefined properties. */
export function withoutUndefined<T extends object>(from: T): T {
  return pick(from, Object.keys(from) as (keyof T)[]) as T
}

/** True for an object that can hold options. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value as text for a message. Objects and functions are not printed: they may hold secrets. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'an array'
  return isObject(value) ? 'an object' : String(value)
}

/** The error for unusable options. */
export function invalid(message: string, details?: ErrorDetails): TenantKnexError {
  return new TenantKnexError('ERR_OPTION_INVALID', message, details)
}
