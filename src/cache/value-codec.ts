import { Keyv } from 'keyv'
import { TenantKnexError } from '../base/errors.ts'
import type { CacheSerializer } from '../options/cache.ts'

/** Each value is wrapped before it becomes text, because `undefined` alone has no text. */
interface Wrapped {
  readonly value?: unknown
}

const { serialize, deserialize } = new Keyv()

/** Marks a text that only Keyv's serializer can read. JSON never begins with this character. */
const KEYV = ':'

/**
 * JSON, but a Buffer stays a Buffer, as with Keyv. A Date becomes its text, a Map becomes `{}`, and a
 * BigInt fails. Values without a Buffer go through JSON alone, which is several times as fast as Keyv's
 * serializer.
 */
export const DEFAULT_SERIALIZER: CacheSerializer = {
  stringify: (value) =>
    isPlain(value) ? JSON.stringify(value) : `${KEYV}${serialize?.(value as Wrapped)}`,
  parse: (text) =>
    text.startsWith(KEYV) ? deserialize?.(text.slice(KEYV.length)) : JSON.parse(text),
}

/** False if there may be a Buffer in the value. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isPlain)
  const object = value as Record<string, unknown>
  if (typeof object.toJSON === 'function') return value instanceof Date
  for (const name in object) if (!isPlain(object[name])) return false
  return true
}

/**
 * The text of a value.
 *
 * @throws `ERR_CACHE_VALUE_INVALID`
 */
export function encode(
  serializer: CacheSerializer,
  value: unknown,
  tenant: string | undefined,
): string {
  try {
    const type = typeof value
    if (type === 'symbol' || type === 'function') throw new TypeError(`A ${type} has no text.`)
    const text: unknown = serializer.stringify({ value } satisfies Wrapped)
    if (typeof text === 'string') return text
    throw new TypeError(`The serializer made a ${typeof text} of it.`)
  } catch (cause) {
    throw new TenantKnexError(
      'ERR_CACHE_VALUE_INVALID',
      'The value cannot be cached, because the serializer refuses it. Convert the value, or pass a ' +
        '`cache.serializer` that supports its type.',
      { tenant, cause },
    )
  }
}

/** The value of a text, a new one each time. Throws what the serializer throws. */
export function decode(serializer: CacheSerializer, text: string): unknown {
  return (serializer.parse(text) as Wrapped).value
}
