import { parseCookie } from 'cookie'
import { checkToken } from './header.ts'
import { invalidRequest } from './invalid-request.ts'
import type { Resolver } from './tenant-request.ts'

/**
 * The tenant is the value of a cookie, percent escapes decoded. Anybody can send cookies: it names a
 * tenant, it does not prove that the user may see it.
 *
 * @example
 * resolve: cookie('tenant')
 * @throws `ERR_OPTION_INVALID`; the resolver `ERR_REQUEST_INVALID` where there are two of the name with
 * different values, as one set for a sub-domain and one for its parent, or where escapes cannot be decoded
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

/** One pair at a time: of several by one name the parser gives the first. */
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
    throw invalidRequest(`The cookie \`${name}\` has escapes in it that are none.`)
  }
}
