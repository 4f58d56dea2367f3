import type { TenantKnexError } from '../../errors.ts'

/** What is answered, and what whoever sent the request is told, by the code of what went wrong. */
const ANSWERS = {
  // What a `database` function makes of an id that somebody has made up.
  ERR_DATABASE_NAME_INVALID: [404, 'There is no such tenant.'],
  ERR_NO_TENANT: [404, 'There is no such tenant.'],
  ERR_TENANT_ID_INVALID: [404, 'There is no such tenant.'],
  ERR_TENANT_UNKNOWN: [404, 'There is no such tenant.'],
  ERR_REQUEST_INVALID: [400, 'The request does not say clearly which tenant it is for.'],
  ERR_LOOKUP_FAILED: [503, 'The tenant cannot be looked up now.'],
} as const

/**
 * A request that has no tenant, as the frameworks understand it: with the status to answer with, and a
 * message that may be shown to anyone. What is for the developer is in `cause`.
 */
export class TenantRequestError extends Error {
  readonly code: keyof typeof ANSWERS
  /** 400, 404 or 503: Koa's and Express's name. */
  readonly status: number
  /** The same: Fastify's name. */
  readonly statusCode: number
  /** Whether Koa shows the message, and leaves the error out of its log. */
  readonly expose: boolean

  constructor(cause: TenantKnexError & { readonly code: keyof typeof ANSWERS }) {
    const [status, message] = ANSWERS[cause.code]
    super(message, { cause })
    this.code = cause.code
    this.status = status
    this.statusCode = status
    this.expose = status < 500
  }
}
Object.defineProperty(TenantRequestError.prototype, 'name', { value: 'TenantRequestError' })

/** What a framework is to be given: what is no fault of the request's stays as it is. */
export function requestError(error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: unknown }
  const isAnswered = typeof code === 'string' && Object.hasOwn(ANSWERS, code)
  return isAnswered ? new TenantRequestError(error as never) : error
}
