import { invalid, isObject, rejectUnknownKeys, show } from '../base/option-checks.ts'
import { parseHost } from './host.ts'
import { type NamedTenant, namedTenant } from './named-tenant.ts'
import { checkTrust, type HostOptions, requestHost } from './request-host.ts'
import type { Resolver } from './tenant-request.ts'

/** Options of {@link domain}. */
export interface DomainOptions extends HostOptions {
  /**
   * Whose a host name is: a function, or an object or a Map, which is copied. Null or undefined: nobody's.
   * Names are in lower case, in punycode, without port.
   * @defaultValue `(host) => host`
   */
  readonly tenants?:
    | ((host: string) => NamedTenant)
    | ReadonlyMap<string, string>
    | Readonly<Record<string, string>>
}

/**
 * The tenant is whose the whole host name is. For names that are to be looked up elsewhere there is
 * `hostLookup`.
 *
 * @example
 * resolve: domain({ tenants: { 'shop.acme.com': 'acme', 'globex.net': 'globex' } })
 * @throws `ERR_OPTION_INVALID`; the resolver `ERR_REQUEST_INVALID`, `ERR_LOOKUP_FAILED` where the
 * function gives neither an id nor nothing, and what it throws
 */
export function domain(options: DomainOptions = {}): Resolver {
  if (!isObject(options)) throw invalid('`domain` takes its options as an object.')
  rejectUnknownKeys(options, ['tenants', 'trustForwardedHost'], '')
  const trustForwarded = checkTrust(options.trustForwardedHost)
  const tenantOf = tenantsFunction(options.tenants)
  return (request) => {
    const host = requestHost(request, trustForwarded)
    return host === undefined ? null : namedTenant(tenantOf(host), 'The `tenants` function')
  }
}

function tenantsFunction(tenants: unknown = (host: string) => host): (host: string) => NamedTenant {
  if (typeof tenants === 'function') return tenants as (host: string) => NamedTenant
  if (!isObject(tenants)) throw invalid('`tenants` must be a function, an object or a Map.')
  const given: [unknown, unknown][] =
    tenants instanceof Map ? [...tenants] : Object.entries(tenants)
  const copy = new Map(given.map(checkEntry))
  if (copy.size < given.length) throw invalid('`tenants` has a host name in it twice.')
  return (host) => copy.get(host)
}

function checkEntry([host, tenant]: [unknown, unknown]): [string, string] {
  const refuse = (problem: string): Error =>
    invalid(`\`tenants\` has ${show(host)} in it, which cannot be used: ${problem}.`)
  if (typeof host !== 'string') throw refuse('a host name is expected')
  if (/:\d*$/.test(host)) throw refuse('it must be without a port')
  if (typeof tenant !== 'string' || tenant === '') throw refuse('its tenant must be an id')
  return [parseHost(host, refuse), tenant]
}
