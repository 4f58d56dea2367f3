import { TenantKnexError } from '../base/errors.ts'
import { Lease } from '../connection/lease.ts'
import { bindingOf, isBound, poolOf } from './binding.ts'
import type { Connectable } from './dialect.ts'
import { outsideTenants, withoutTenant, wrongTenant } from './guards.ts'

/** Refuses what belongs to another tenant, or to one where `client` has none. What is of no tenant passes. */
export function checkSameTenant(what: string, client: object, other: object | undefined): void {
  if (other === undefined || other === client || !isBound(other)) return
  const { tenant: otherTenant } = bindingOf(other)
  if (!isBound(client)) throw refused(other, outsideTenants(what, otherTenant))
  const { tenant } = bindingOf(client)
  if (tenant !== otherTenant) throw refused(client, wrongTenant(what, tenant, otherTenant))
}

/**
 * Refuses a builder that a Knex without tenants has made: it would run in this tenant's database. One
 * whose Knex is connected nowhere passes, as no other database can be meant; but not on a transaction:
 * there nothing tells any more who made it.
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

/** Knex lets a Knex have another client; here only one of the same tenant. */
export function checkClient(client: object, other: object): void {
  const { tenant } = bindingOf(client)
  const otherTenant = isBound(other) ? bindingOf(other).tenant : undefined
  if (otherTenant !== tenant) throw refused(client, wrongTenant('A client', tenant, otherTenant))
}

/** A connection that user code or Knex hands in: only one that this very tenant holds. */
export function ownLease(client: object, connection: unknown): Lease {
  const { tenant } = bindingOf(client)
  const lease = connection instanceof Lease ? connection : undefined
  if (lease?.tenant !== tenant) {
    throw refused(client, wrongTenant('A connection', tenant, lease?.tenant))
  }
  if (lease.isOver) throw refused(client, lease.overError())
  return lease
}

/** Tells the pool that something was refused. */
export function refused(client: object, error: unknown): unknown {
  if (error instanceof TenantKnexError) poolOf(client).onRefusal(error)
  return error
}
