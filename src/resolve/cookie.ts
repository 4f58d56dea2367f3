import { parseCookie } from 'cookie'
import { checkToken } from './header.ts'
import { invalidRequest } from './invalid-request.ts'
import type { Resolver } from './tenant-request.ts'

/**
 * The tenant is the value of a cookie, with percent escapes decoded. Every client can send any cookie.
 * So a cookie names a tenant. It does not prove that the user may see that tenant.
 *
 * @example
 * resolve: cookie('tenant')
 * @throws `ERR_OPTION_INVALID`. The resolver throws `ERR_REQUEST_INVALID` if escapes cannot be decoded,
 * or if two cookies of the name have different values, such as one of a sub-domain and one of its parent
 */
export function cookie(name: string): Resolver {
  checkToken('cookie', name)
  return (request) => {
    const values = new Set(request.header('cookie').flatMap((text) => valuesIn(text, name)))
    if (values.size > 1) throw invalidRequest(`The cookie \`${name}\` has several values.`)
    const [value] = values
    return value ? decode(value, name) : null
  }
}

/** Parses one pair at a time, because the parser returns only the first of several with one name. */
function valuesIn(text: string, name: string): string[] {
  const pairs = text.split(';').filter((pair) => pair.includes(name))
  const values = pairs.map((pair) => parseCookie(pair, { decode: asItIs })[name])
  return values.filter((value) => value !== undefined)
}

function asItIs(value: string): string {
  return value
}

function decode(value: string, name: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw invalidRequest(`The cookie \`${name}\` has escapes that cannot be decoded.`)
  }
}
