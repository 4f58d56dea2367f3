import { isMarkedMissing } from '../../tenants/missing.ts'

/** What is answered, and what whoever sent the request is told, by the code of what went wrong. */
const ANSWERS = {
  // What a `database` function makes of an id that somebody has made up.
  ERR_DATABASE_NAME_INVALID: [404, 'There is no such tenant.'],
  ERR_NO_TENANT: [404, 'There is no such tenant.'],
  ERR_TENANT_DATABASE_MISSING: [404, 'There is no such tenant.'],
  ERR_TENANT_ID_INVALID: [404, 'There is no such tenant.'],
  ERR_TENANT_UNKNOWN: [404, 'There is no such tenant.'],
  ERR_REQUEST_INVALID: [400, 'The request does not say clearly which tenant it is for.'],
  ERR_LOOKUP_FAILED: [503, 'The tenant cannot be looked up now.'],
} as const

type AnsweredCode = keyof typeof ANSWERS

/**
 * A request that has no tenant, as the frameworks understand it: with the status to answer with, and a
 * message that may be shown to anyone. What is for the developer is in `cause`.
 */
export class TenantRequestError extends Error {
  readonly code: AnsweredCode
  /** 400, 404 or 503: Koa's and Express's name. */
  readonly status: number
  /** The same: Fastify's name. */
  readonly statusCode: number
  /** Whether Koa shows the message, and leaves the error out of its log. */
  readonly expose: boolean

  constructor(code: AnsweredCode, cause: unknown) {
    const [status, message] = ANSWERS[code]
    super(message, { cause })
    this.code = code
    this.status = status
    this.statusCode = status
    this.expose = status < 500
  }
}
Object.defineProperty(TenantRequestError.prototype, 'name', { value: 'TenantRequestError' })

/** What a framework is to be given: what is no fault of the request's stays as it is. */
export function requestError(error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: unknown }
  return isAnswered(code) ? new TenantRequestError(code, error) : error
}

/** What a framework is to be given for a handler's error, if that says that the tenant has no database. */
export function missingTenantError(error: unknown): TenantRequestError | undefined {
  if (!isMarkedMissing(error)) return undefined
  return new TenantRequestError('ERR_TENANT_DATABASE_MISSING', error)
}

/** A resolver whose own database is missing is broken: that says nothing of the request. */
function isAnswered(code: unknown): code is AnsweredCode {
  if (code === 'ERR_TENANT_DATABASE_MISSING') return false
  return typeof code === 'string' && Object.hasOwn(ANSWERS, code)
}
