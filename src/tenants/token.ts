import { TenantKnexError } from '../base/errors.ts'

/** The tenant that was in scope, as a plain object that survives JSON. */
export interface TenantToken {
  /** Id of the tenant. */
  readonly tenant: string
}

/** The tenant of a token that came from outside. @throws `ERR_TOKEN_INVALID` */
export function tenantOfToken(token: unknown): string {
  const tenant = (token as { tenant?: unknown } | null | undefined)?.tenant
  if (typeof tenant === 'string') return tenant
  throw new TenantKnexError(
    'ERR_TOKEN_INVALID',
    '`restore` takes a token from `capture`, or its copy through JSON: an object `{ tenant }`.',
    { outcome: 'not-sent' },
  )
}
