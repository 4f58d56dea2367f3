import { Keyv } from 'keyv'
import { TenantKnexError } from '../base/errors.ts'
import type { CacheSerializer } from '../options/cache.ts'

/** Values go through it wrapped: `undefined` by itself has no text. */
interface Wrapped {
  readonly value?: unknown
}

const { serialize, deserialize } = new Keyv()

/** Before a text that only Keyv can read; JSON never begins with it. */
const KEYV = ':'

/**
 * JSON, and Buffers stay Buffers, as with Keyv. A Date becomes its text, a Map `{}`, and a BigInt
 * fails. What JSON alone can do is left to it, which is several times as fast as Keyv's own.
 */
export const DEFAULT_SERIALIZER: CacheSerializer = {
  stringify: (value) =>
    isPlain(value) ? JSON.stringify(value) : `${KEYV}${serialize?.(value as Wrapped)}`,
  parse: (text) =>
    text.startsWith(KEYV) ? deserialize?.(text.slice(KEYV.length)) : JSON.parse(text),
}

/** False where there may be a Buffer. */
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
      'The value cannot be cached: the serializer refuses it. Convert it, or pass a ' +
        '`cache.serializer` that knows its type.',
      { tenant, cause },
    )
  }
}

/** The value of a text, a new one each time. Throws what the serializer throws. */
export function decode(serializer: CacheSerializer, text: string): unknown {
  return (serializer.parse(text) as Wrapped).value
}
