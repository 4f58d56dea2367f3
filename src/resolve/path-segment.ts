import { invalid, isObject, rejectUnknownKeys, show } from '../base/option-checks.ts'
import { invalidRequest } from './invalid-request.ts'
import type { Resolver } from './tenant-request.ts'

/** Options of {@link pathSegment}. */
export interface PathSegmentOptions {
  /**
   * Whether the router is to see the path without the tenant: `/orders?page=2` of
   * `/acme/orders?page=2`.
   * @defaultValue false
   */
  readonly strip?: boolean
}

/**
 * Steps in a path: a router, or a proxy before us, might take them and come to another tenant. `URL`
 * takes backslashes for slashes, and drops tabs and line breaks first; a proxy may decode slashes.
 */
const STEPS = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)|\p{Cc}/iu

/**
 * The tenant is the first segment of the path: `acme` of `/acme/orders`, percent escapes decoded once.
 * The path `/` names nobody.
 *
 * @example
 * resolve: pathSegment({ strip: true })
 * @throws `ERR_OPTION_INVALID`; the resolver `ERR_REQUEST_INVALID` for escapes that cannot be decoded,
 * for a segment with a slash, backslash or control character in it (`/acme%2f..`), and for a path with
 * the segments `.` or `..`, or a control character, anywhere
 */
export function pathSegment(options: PathSegmentOptions = {}): Resolver {
  if (!isObject(options)) throw invalid('`pathSegment` takes its options as an object.')
  rejectUnknownKeys(options, ['strip'], '')
  const { strip = false } = options
  if (typeof strip !== 'boolean') {
    throw invalid(`\`strip\` must be true or false, got ${show(strip)}.`)
  }
  return ({ url }) => {
    const path = url.slice(0, end(url, /[?#]/))
    if (STEPS.test(path)) {
      throw invalidRequest('The path has `.`, `..` or control characters in it.')
    }
    const segment = path.slice(1, 1 + end(path.slice(1), /\//))
    const tenant = decodeSegment(segment)
    if (tenant === '') return null
    return strip ? { tenant, url: withSlash(url.slice(1 + segment.length)) } : tenant
  }
}

function decodeSegment(segment: string): string {
  const decoded = segment.includes('%') ? decode(segment) : segment
  if (/[/\\]|\p{Cc}/u.test(decoded)) {
    throw invalidRequest('The first segment of the path has characters in it that no id has.')
  }
  return decoded
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw invalidRequest('The first segment of the path has escapes in it that are none.')
  }
}

/** Where a text is found, or the end. */
function end(text: string, what: RegExp): number {
  const at = text.search(what)
  return at < 0 ? text.length : at
}

function withSlash(url: string): string {
  return url.startsWith('/') ? url : `/${url}`
}
