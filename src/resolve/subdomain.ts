import { invalid, isObject, rejectUnknownKeys, show } from '../base/option-checks.ts'
import { parseHost } from './host.ts'
import { checkTrust, type HostOptions, requestHost } from './request-host.ts'
import type { Resolver } from './tenant-request.ts'

/** Options of {@link subdomain}. */
export interface SubdomainOptions extends HostOptions {
  /** The parent domains of tenants: `['example.com', 'localhost']`. They are not tenants themselves. */
  readonly baseDomains: readonly string[]
  /** Labels that are not tenants. @defaultValue `['www']` */
  readonly ignore?: readonly string[]
}

/**
 * The tenant is the one label before a base domain: `acme` in `acme.example.com`. Other hosts have no
 * tenant: `example.com`, `a.b.example.com`, `acme.example.com.evil.net`. The label is in lower case, and
 * in punycode (`xn--…`) if it is international.
 *
 * @example
 * resolve: subdomain({ baseDomains: ['example.com'] })
 * @throws `ERR_OPTION_INVALID`. The resolver throws `ERR_REQUEST_INVALID`
 */
export function subdomain(options: SubdomainOptions): Resolver {
  if (!isObject(options)) throw invalid('`subdomain` takes its options as an object.')
  rejectUnknownKeys(options, ['baseDomains', 'ignore', 'trustForwardedHost'], '')
  const trustForwarded = checkTrust(options.trustForwardedHost)
  const bases = new Set(checkHosts('baseDomains', options.baseDomains))
  if (bases.size === 0) throw invalid('`baseDomains` must name at least one domain.')
  const ignored = new Set(checkHosts('ignore', options.ignore ?? ['www']))
  return (request) => {
    const host = requestHost(request, trustForwarded)
    if (host === undefined || bases.has(host)) return null
    const dot = host.indexOf('.')
    if (dot < 0 || !bases.has(host.slice(dot + 1))) return null
    const label = host.slice(0, dot)
    return ignored.has(label) ? null : label
  }
}

function checkHosts(name: string, hosts: unknown): string[] {
  if (!Array.isArray(hosts)) throw invalid(`\`${name}\` must be an array of strings.`)
  return hosts.map((host: unknown) => {
    const refuse = (problem: string): Error =>
      invalid(`\`${name}\` contains ${show(host)}, which cannot be used: ${problem}.`)
    if (typeof host !== 'string') throw refuse('a host name is expected')
    if (/:|^[\d.]+$/.test(host)) throw refuse('it must be a name, without a port')
    return parseHost(host, refuse)
  })
}
