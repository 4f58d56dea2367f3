import { createHash } from 'node:crypto'
import { TenantKnexError } from '../base/errors.ts'

/** Redis takes far longer keys; longer ones are mistakes. In UTF-16 units. */
const MAX_KEY_LENGTH = 2_048
const MAX_PART_LENGTH = 255

/** No encoded part of a tenant can be this: `/` is always escaped in one. */
const SHARED_PART = '/'

/** Whose keys these are. */
export interface KeyOwner {
  /** Undefined for what belongs to nobody. */
  readonly tenant: string | undefined
  /** Where the keys of the owner begin; no other owner's begin like this. */
  readonly prefix: string
  /** Tells owners apart that were given one prefix by mistake. */
  readonly mark: string
}

/**
 * The keys of one tenant: `<root>:{<part>}:`, where the part is the id, or what the user's function
 * makes of it, percent-encoded. The encoding keeps different texts different and leaves no character
 * that a pattern or a separator could be made of. The braces keep a tenant in one slot of a cluster.
 *
 * @throws `ERR_CACHE_PREFIX_INVALID`
 */
export function tenantKeys(root: string, tenant: string, part: unknown): KeyOwner {
  checkPart(part, tenant)
  const mark = createHash('sha256').update(tenant).digest('base64url').slice(0, 8)
  return Object.freeze({ tenant, prefix: `${root}:{${encodePart(part)}}:`, mark })
}

/** The keys that belong to nobody, where no tenant's can be. */
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
  // Two different ones would become one in UTF-8.
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

/** `encodeURIComponent` leaves these as they are. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
