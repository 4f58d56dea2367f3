import { invalidRequest } from './invalid-request.ts'
import type { TenantRequest } from './tenant-request.ts'

/**
 * The value of a header that is to be sent once; undefined where it was not, or has nothing in it. Of
 * several values a proxy, a framework and we might each take another.
 *
 * @throws `ERR_REQUEST_INVALID`
 */
export function singleHeader(request: TenantRequest, name: string): string | undefined {
  const values = request.header(name)
  if (values.length > 1) {
    throw invalidRequest(`The header \`${name}\` came with ${values.length} values.`)
  }
  return values[0] || undefined
}
