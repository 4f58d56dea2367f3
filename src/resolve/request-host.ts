import { invalid, show } from '../base/option-checks.ts'
import { parseHost } from './host.ts'
import { invalidRequest } from './invalid-request.ts'
import { singleHeader } from './single-header.ts'
import type { TenantRequest } from './tenant-request.ts'

/** How the host name of a request is found. */
export interface HostOptions {
  /**
   * Whether `X-Forwarded-Host` is used in place of `Host`. Set it to true only if every request passes a
   * proxy that sets this header. Otherwise a client can write any host into it.
   * @defaultValue false
   */
  readonly trustForwardedHost?: boolean
}

/** @throws `ERR_OPTION_INVALID` */
export function checkTrust(value: unknown): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  throw invalid(`\`trustForwardedHost\` must be true or false, got ${show(value)}.`)
}

/**
 * The name of the host that a request is for. Undefined if the request names no host.
 *
 * @throws `ERR_REQUEST_INVALID`, also for a list of forwarded hosts, because it does not tell which of
 * them the trusted proxy has written
 */
export function requestHost(request: TenantRequest, trustForwarded: boolean): string | undefined {
  const forwarded = trustForwarded ? hostIn(request, 'x-forwarded-host') : undefined
  return forwarded ?? hostIn(request, 'host')
}

function hostIn(request: TenantRequest, name: string): string | undefined {
  const text = singleHeader(request, name)
  if (text === undefined) return undefined
  return parseHost(fromLatin1(text), (problem) =>
    invalidRequest(`The header \`${name}\` names no host: ${problem}.`),
  )
}

/** Node reads the bytes of headers as Latin-1. A name that is not ASCII was sent as UTF-8. */
function fromLatin1(text: string): string {
  if (!/[\x80-\xff]/.test(text) || /[^\0-\xff]/.test(text)) return text
  const decoded = Buffer.from(text, 'latin1').toString()
  return decoded.includes('\ufffd') ? text : decoded
}
