import { TenantKnexError } from '../base/errors.ts'

/** The error for a request that does not say clearly which tenant it is for. */
export function invalidRequest(message: string): TenantKnexError {
  return new TenantKnexError('ERR_REQUEST_INVALID', message, { outcome: 'not-sent' })
}
