import type { DeserializedData } from 'keyv'
import { TenantKnexError } from '../base/errors.ts'
import { show } from '../base/option-checks.ts'
import type { CacheSerializer } from '../options/cache.ts'
import type { Entry, NewEntry } from './tenant-store.ts'
import { decode, encode } from './value-codec.ts'

/** A value and the time when it stops being fresh. Keyv calls this `raw`. */
export type Raw = DeserializedData<unknown>

/** How long a value is fresh, and how long a stale value is kept after that, in milliseconds. */
export interface Lifetime {
  readonly ttlMillis: number
  readonly staleMillis: number
}

/** In milliseconds. An entry is not meant to live for ever. */
const MAX_MILLIS = 10 * 365 * 86_400_000

/**
 * Makes the entry of a value.
 *
 * @throws `ERR_OPTION_INVALID`, `ERR_CACHE_VALUE_INVALID`
 */
export function encodeEntry(
  { key, value }: { readonly key: string; readonly value: unknown },
  lifetime: Lifetime,
  serializer: CacheSerializer,
  tenant: string | undefined,
): NewEntry {
  checkLifetime(lifetime, tenant)
  const { ttlMillis, staleMillis } = lifetime
  const text = encode(serializer, value, tenant)
  // Other processes read the time, so it comes from the clock that all processes share. If that clock
  // is set back, a store that measures `keepMillis` by itself still ends the entry in time.
  return { key, text, expires: Date.now() + ttlMillis, keepMillis: ttlMillis + staleMillis }
}

/** The value of an entry, a new one each time. Throws what the serializer throws. */
export function decodeEntry({ text, expires }: Entry, serializer: CacheSerializer): Raw {
  return { value: decode(serializer, text), expires }
}

/** True until the time to live of an entry is over. */
export function isFresh({ expires }: Entry): boolean {
  return expires > Date.now()
}

/** @throws `ERR_OPTION_INVALID` */
export function checkLifetime(
  { ttlMillis, staleMillis }: Lifetime,
  tenant: string | undefined,
): void {
  checkMillis('ttlMillis', ttlMillis, 1, tenant)
  checkMillis('staleMillis', staleMillis, 0, tenant)
}

function checkMillis(name: string, millis: unknown, min: number, tenant: string | undefined): void {
  if (typeof millis === 'number' && millis >= min && millis <= MAX_MILLIS) return
  throw new TenantKnexError(
    'ERR_OPTION_INVALID',
    `\`${name}\` must be a number of milliseconds from ${min} to ${MAX_MILLIS}, got ${show(millis)}.`,
    { tenant },
  )
}
