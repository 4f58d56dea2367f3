import { invalid, isObject, rejectUnknownKeys, show } from '../base/option-checks.ts'
import { parseHost } from './host.ts'
import { type NamedTenant, namedTenant } from './named-tenant.ts'
import { checkTrust, type HostOptions, requestHost } from './request-host.ts'
import type { Resolver } from './tenant-request.ts'

/** Options of {@link domain}. */
export interface DomainOptions extends HostOptions {
  /**
   * Finds the tenant of a host name: a function, an object or a Map. An object or a Map is copied. A
   * function returns null or undefined if the host has no tenant. Names are in lower case, in punycode,
   * without port.
   * @defaultValue `(host) => host`
   */
  readonly tenants?:
    | ((host: string) => NamedTenant)
    | ReadonlyMap<string, string>
    | Readonly<Record<string, string>>
}

/**
 * The whole host name stands for a tenant. Use `hostLookup` to look names up in a database or a cache.
 *
 * @example
 * resolve: domain({ tenants: { 'shop.acme.com': 'acme', 'globex.net': 'globex' } })
 * @throws `ERR_OPTION_INVALID`. The resolver throws `ERR_REQUEST_INVALID`, what the function throws, and
 * `ERR_LOOKUP_FAILED` if the function returns neither an id nor null or undefined
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
  if (copy.size < given.length) throw invalid('`tenants` has a host name twice.')
  return (host) => copy.get(host)
}

function checkEntry([host, tenant]: [unknown, unknown]): [string, string] {
  const refuse = (problem: string): Error =>
    invalid(`\`tenants\` has the host name ${show(host)}, which cannot be used: ${problem}.`)
  if (typeof host !== 'string') throw refuse('a host name is expected')
  if (/:\d*$/.test(host)) throw refuse('it must be without a port')
  if (typeof tenant !== 'string' || tenant === '') throw refuse('its tenant must be an id')
  return [parseHost(host, refuse), tenant]
}
