import { invalidRequest } from './invalid-request.ts'
import type { TenantRequest } from './tenant-request.ts'

/**
 * The value of a header that must be sent only once. Undefined if it is missing or empty. Duplicate
 * headers are rejected, because a proxy, a framework and this library might each pick a different one.
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
