import { TenantKnexError } from '../base/errors.ts'
import { Lease } from '../connection/lease.ts'
import { bindingOf, isBound, poolOf } from './binding.ts'
import type { Connectable } from './dialect.ts'
import { outsideTenants, withoutTenant, wrongTenant } from './guards.ts'

/**
 * Refuses an object of another tenant, or of any tenant if `client` has none. An object without a tenant
 * passes.
 */
export function checkSameTenant(what: string, client: object, other: object | undefined): void {
  if (other === undefined || other === client || !isBound(other)) return
  const { tenant: otherTenant } = bindingOf(other)
  if (!isBound(client)) throw refused(other, outsideTenants(what, otherTenant))
  const { tenant } = bindingOf(client)
  if (tenant !== otherTenant) throw refused(client, wrongTenant(what, tenant, otherTenant))
}

/**
 * Refuses a builder of a Knex without tenants: it would run in this tenant's database. It passes if its Knex
 * cannot connect, because then no other database can be meant. On a transaction it is refused even then:
 * there it has the transaction's client, so its own Knex is unknown.
 */
export function checkMaker(what: string, client: object, maker: Connectable): void {
  if (!isBound(maker) && !isConnected(maker)) return
  throw refused(client, withoutTenant(what, bindingOf(client).tenant))
}

function isConnected({ config, pool }: Connectable): boolean {
  return Boolean(config?.connection ?? config?.connectionPool ?? pool)
}

/** Refuses a transaction of another tenant, or of a Knex without tenants. */
export function checkTransaction(client: object, transaction: unknown): void {
  const other = (transaction as { client?: object } | null | undefined)?.client
  if (other && !isBound(other)) {
    const { tenant } = bindingOf(client)
    throw refused(client, wrongTenant('A transaction', tenant, undefined))
  }
  checkSameTenant('A transaction', client, other)
}

/** Knex lets user code replace the client of a Knex. Here the new client must belong to the same tenant. */
export function checkClient(client: object, other: object): void {
  const { tenant } = bindingOf(client)
  const otherTenant = isBound(other) ? bindingOf(other).tenant : undefined
  if (otherTenant !== tenant) throw refused(client, wrongTenant('A client', tenant, otherTenant))
}

/** Checks a connection that user code or Knex passes in: the tenant must hold it now. */
export function ownLease(client: object, connection: unknown): Lease {
  const { tenant } = bindingOf(client)
  const lease = connection instanceof Lease ? connection : undefined
  if (lease?.tenant !== tenant) {
    throw refused(client, wrongTenant('A connection', tenant, lease?.tenant))
  }
  if (lease.isOver) throw refused(client, lease.overError())
  return lease
}

/** Reports a refusal to the pool, and returns the error. */
export function refused(client: object, error: unknown): unknown {
  if (error instanceof TenantKnexError) poolOf(client).onRefusal(error)
  return error
}
