import { invalid, show } from '../base/option-checks.ts'
import { invalidRequest } from './invalid-request.ts'
import { singleHeader } from './single-header.ts'
import type { Resolver } from './tenant-request.ts'

/** RFC 9110, 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** The name of a header or of a cookie. @throws `ERR_OPTION_INVALID` */
export function checkToken(what: string, name: unknown): string {
  if (typeof name === 'string' && TOKEN.test(name)) return name
  throw invalid(`\`${what}\` takes the name of a ${what}, got ${show(name)}.`)
}

/**
 * The tenant is the value of a header, as it was sent. Anybody can send headers: this is for services
 * behind one that sets it, and for tests.
 *
 * @example
 * resolve: header('x-tenant')
 * @throws `ERR_OPTION_INVALID`; the resolver `ERR_REQUEST_INVALID` where it came twice, or as a list:
 * whoever passes it on may have joined two by a comma
 */
export function header(name: string): Resolver {
  const lowerCase = checkToken('header', name).toLowerCase()
  return (request) => {
    const value = singleHeader(request, lowerCase)
    if (value?.includes(',')) throw invalidRequest(`The header \`${lowerCase}\` has a list in it.`)
    return value
  }
}
