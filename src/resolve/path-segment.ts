import { invalid, isObject, rejectUnknownKeys, show } from '../base/option-checks.ts'
import { invalidRequest } from './invalid-request.ts'
import type { Resolver } from './tenant-request.ts'

/** Options of {@link pathSegment}. */
export interface PathSegmentOptions {
  /**
   * Whether the router gets the path without the tenant: `/orders?page=2` in place of
   * `/acme/orders?page=2`.
   * @defaultValue false
   */
  readonly strip?: boolean
}

/**
 * Matches `.` and `..` as segments of a path, and control characters. A router or a proxy could resolve
 * such a path to another tenant's. `URL` reads backslashes as slashes, after it has dropped tabs and line
 * breaks. A proxy may decode slashes.
 */
const STEPS = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)|\p{Cc}/iu

/**
 * The tenant is the first segment of the path: `acme` in `/acme/orders`. Percent escapes are decoded
 * once. The path `/` names no tenant.
 *
 * @example
 * resolve: pathSegment({ strip: true })
 * @throws `ERR_OPTION_INVALID`. The resolver throws `ERR_REQUEST_INVALID`
 * - if escapes cannot be decoded,
 * - if the decoded segment contains a slash, a backslash or a control character (`/acme%2f..`),
 * - if the path contains a control character, or `.` or `..` as a segment
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
      throw invalidRequest('The path contains `.`, `..` or control characters.')
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
    throw invalidRequest('The first segment of the path contains characters that no id can have.')
  }
  return decoded
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw invalidRequest('The first segment of the path has escapes that cannot be decoded.')
  }
}

/** The place of the first match in a text, or the text's length. */
function end(text: string, what: RegExp): number {
  const at = text.search(what)
  return at < 0 ? text.length : at
}

function withSlash(url: string): string {
  return url.startsWith('/') ? url : `/${url}`
}
