import { isMarkedMissing } from '../../tenants/missing.ts'

/** The status and the message of the answer, by the error's code. */
const ANSWERS = {
  // A `database` function may return an invalid name for an id that a client has invented.
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
 * The error of a request that has no tenant. Frameworks find the status of the answer in it. The message
 * may be shown to the client. The `cause` has the details for the developer.
 */
export class TenantRequestError extends Error {
  readonly code: AnsweredCode
  /** 400, 404 or 503. Koa and Express read this property. */
  readonly status: number
  /** The same number. Fastify reads this property. */
  readonly statusCode: number
  /** True if Koa shows the message, and does not log the error. */
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

/** The error for the framework. An error that the request did not cause stays as it is. */
export function requestError(error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: unknown }
  return isAnswered(code) ? new TenantRequestError(code, error) : error
}

/** The error for the framework if a handler's error says that the tenant has no database. */
export function missingTenantError(error: unknown): TenantRequestError | undefined {
  if (!isMarkedMissing(error)) return undefined
  return new TenantRequestError('ERR_TENANT_DATABASE_MISSING', error)
}

/** A missing database here is the resolver's own. The request did not cause that error. */
function isAnswered(code: unknown): code is AnsweredCode {
  if (code === 'ERR_TENANT_DATABASE_MISSING') return false
  return typeof code === 'string' && Object.hasOwn(ANSWERS, code)
}
