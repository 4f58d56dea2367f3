import { invalid, show } from '../base/option-checks.ts'
import { invalidRequest } from './invalid-request.ts'
import { singleHeader } from './single-header.ts'
import type { Resolver } from './tenant-request.ts'

/** RFC 9110, 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** Checks the name of a header or of a cookie. @throws `ERR_OPTION_INVALID` */
export function checkToken(what: string, name: unknown): string {
  if (typeof name === 'string' && TOKEN.test(name)) return name
  throw invalid(`\`${what}\` takes the name of a ${what}, got ${show(name)}.`)
}

/**
 * The tenant is the value of a header, as it was sent. Every client can send any header. So use it in a
 * service behind another service that sets the header, and in tests.
 *
 * @example
 * resolve: header('x-tenant')
 * @throws `ERR_OPTION_INVALID`. The resolver throws `ERR_REQUEST_INVALID` if the header came twice, or
 * contains a comma: a proxy may have joined two values to a list
 */
export function header(name: string): Resolver {
  const lowerCase = checkToken('header', name).toLowerCase()
  return (request) => {
    const value = singleHeader(request, lowerCase)
    if (value?.includes(',')) throw invalidRequest(`The header \`${lowerCase}\` is a list.`)
    return value
  }
}
