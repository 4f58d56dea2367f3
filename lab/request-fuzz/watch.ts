import type { IncomingMessage } from 'node:http'
import { createTenantKnex, type TenantKnex } from '../../src/index.ts'

/** The two tenantKnexes of an application, by the header that names a request's tenant. */
export const NAMES = ['x-tenant', 'y-tenant'] as const
export type Name = (typeof NAMES)[number]

/**
 * The expected scope. `own`: the request's tenant, or none if it has none. `outer`: the same or none, because
 * the adapter has not seen the request yet, or never sees it.
 */
export type Place = 'own' | 'outer'

/** A wrong value in scope. */
export interface Wrong {
  readonly shape: string
  readonly what: string
  readonly url: string
  readonly expected: string
  readonly seen: string
}

/** Checks the scope while applications are fuzzed. */
export class Watch {
  readonly tenantKnexes: Record<Name, TenantKnex> = {
    'x-tenant': createTenantKnex({ connection: {} }),
    'y-tenant': createTenantKnex({ connection: {} }),
  }
  readonly wrong: Wrong[] = []
  checks = 0
  /** How often a tenant was in scope. */
  found = 0
  shape = ''
  /** The tenantKnexes whose adapters are in the application. */
  used: readonly Name[] = []

  look(what: string, req: IncomingMessage, place: Place): void {
    for (const name of NAMES) this.#check(what, req, place, name)
  }

  #check(what: string, req: IncomingMessage, place: Place, name: Name): void {
    this.checks++
    const named = this.used.includes(name) ? req.headers[name] : undefined
    const isPlain = req.url?.startsWith('/plain')
    const own = isPlain || named === undefined ? undefined : String(named)
    const seen = inScope(this.tenantKnexes[name])
    if (seen !== undefined) this.found++
    if (seen === own || (place === 'outer' && seen === undefined)) return
    const { shape } = this
    const url = String(req.url)
    this.wrong.push({ shape, what, url, expected: `${name} ${own}`, seen: String(seen) })
  }
}

function inScope(tenantKnex: TenantKnex): string | undefined {
  try {
    return tenantKnex.current().tenant.id
  } catch {
    return undefined
  }
}
