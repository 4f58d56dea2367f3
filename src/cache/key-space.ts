import { createHash } from 'node:crypto'
import { TenantKnexError } from '../base/errors.ts'

/** In UTF-16 units. Redis accepts far longer keys, but a longer key is a mistake. */
const MAX_KEY_LENGTH = 2_048
const MAX_PART_LENGTH = 255

/** No tenant can have this part, because `/` is always escaped in a part. */
const SHARED_PART = '/'

/** The owner of keys: a tenant, or the shared cache. */
export interface KeyOwner {
  /** Undefined for the shared cache. */
  readonly tenant: string | undefined
  /** The text that all keys of the owner begin with. No other owner has the same. */
  readonly prefix: string
  /** Tells two owners apart if both have the same prefix by mistake. */
  readonly mark: string
}

/**
 * The keys of one tenant: `<root>:{<part>}:`. The part is the tenant's id, or the result of the user's
 * function, percent-encoded. Different texts stay different, and no character is left that has a
 * meaning in a pattern or as a separator. The braces keep a tenant in one slot of a cluster.
 *
 * @throws `ERR_CACHE_PREFIX_INVALID`
 */
export function tenantKeys(root: string, tenant: string, part: unknown): KeyOwner {
  checkPart(part, tenant)
  const mark = createHash('sha256').update(tenant).digest('base64url').slice(0, 8)
  return Object.freeze({ tenant, prefix: `${root}:{${encodePart(part)}}:`, mark })
}

/** The keys of the shared cache. No tenant can have the same. */
export function sharedKeys(root: string): KeyOwner {
  return Object.freeze({
    tenant: undefined,
    prefix: `${root}:{${SHARED_PART}}:`,
    mark: SHARED_PART,
  })
}

/**
 * Checks a key: a well-formed string of 1 to 2,048 UTF-16 units.
 *
 * @throws `ERR_CACHE_KEY_INVALID`
 */
export function checkKey(key: unknown, tenant: string | undefined): asserts key is string {
  const problem = keyProblem(key)
  if (problem === undefined) return
  throw new TenantKnexError('ERR_CACHE_KEY_INVALID', `Invalid cache key: ${problem}.`, { tenant })
}

function keyProblem(key: unknown): string | undefined {
  if (typeof key !== 'string') return `expected a string, got ${typeof key}`
  if (key.length === 0) return 'it is empty'
  if (key.length > MAX_KEY_LENGTH) {
    return `it has ${key.length} characters, at most ${MAX_KEY_LENGTH} are allowed`
  }
  // In UTF-8 all lone surrogates are the same character, so two different keys would become one.
  return key.isWellFormed() ? undefined : 'it contains a lone surrogate'
}

function checkPart(part: unknown, tenant: string): asserts part is string {
  const problem = partProblem(part)
  if (problem === undefined) return
  throw new TenantKnexError(
    'ERR_CACHE_PREFIX_INVALID',
    `The cache prefix of tenant ${JSON.stringify(tenant)} cannot be used: ${problem}. ` +
      'Correct the `cache.prefix` function.',
    { tenant },
  )
}

function partProblem(part: unknown): string | undefined {
  if (typeof part !== 'string') return `expected a string, got ${typeof part}`
  if (part.length === 0) return 'it is empty'
  if (part.length > MAX_PART_LENGTH) {
    return `it has ${part.length} characters, at most ${MAX_PART_LENGTH} are allowed`
  }
  return part.isWellFormed() ? undefined : 'it contains a lone surrogate'
}

/** Also encodes the characters that `encodeURIComponent` leaves as they are. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
