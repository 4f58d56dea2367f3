import type { Contender } from '../support/contender.ts'
import { copyPackage } from '../support/package-copy.ts'
import { tenantKnex } from './tenant-knex.ts'

type IdleConnections = typeof import('../../src/pool/scheduling/idle-connections.ts')
type Comebacks = typeof import('../../src/pool/scheduling/comebacks.ts')
type Waiters = typeof import('../../src/pool/scheduling/waiters.ts')

/** Gives the connection that was released last, of any tenant, as Knex's own pool does. */
export async function withoutAffinity(): Promise<Contender> {
  const create = await copyPackage(async (load) => {
    const { IdleConnections } = await load<IdleConnections>('pool/scheduling/idle-connections')
    IdleConnections.prototype.choose = function () {
      return this.latest
    }
    const { Waiters } = await load<Waiters>('pool/scheduling/waiters')
    const { next } = Waiters.prototype
    Waiters.prototype.next = function () {
      return next.call(this, undefined)
    }
  })
  return tenantKnex('no affinity: the connection released last', {}, create)
}

/** Opens no more connections than concurrent statements need. */
export function withoutWidening(): Promise<Contender> {
  return withComebacks('no widening: connections only for those who wait', 0)
}

/** Opens one more connection, up to the maximum, whenever a tenant takes over another tenant's. */
export function alwaysWidening(): Promise<Contender> {
  return withComebacks('widening also for tenants that do not come back', 1)
}

/** Pretends that this share of take-overs is by tenants that come back. */
async function withComebacks(name: string, share: number): Promise<Contender> {
  const create = await copyPackage(async (load) => {
    const { Comebacks } = await load<Comebacks>('pool/scheduling/comebacks')
    Object.defineProperty(Comebacks.prototype, 'share', { get: () => share })
  })
  return tenantKnex(name, {}, create)
}
