import type { Contender } from '../support/contender.ts'
import { copyPackage } from '../support/package-copy.ts'
import { tenantKnex } from './tenant-knex.ts'

type IdleConnections = typeof import('../../src/pool/idle-connections.ts')
type Comebacks = typeof import('../../src/pool/comebacks.ts')
type Waiters = typeof import('../../src/pool/waiters.ts')
type Scheduler = typeof import('../../src/pool/scheduler.ts')

/** With the connection that was released last, whoever's it was, as Knex's own pool gives it. */
export const withoutAffinity: Contender = tenantKnex(
  'no affinity: the connection released last',
  {},
  await copyPackage(async (load) => {
    const { IdleConnections } = await load<IdleConnections>('pool/idle-connections')
    IdleConnections.prototype.choose = function () {
      return this.latest
    }
    const { Waiters } = await load<Waiters>('pool/waiters')
    const { next } = Waiters.prototype
    Waiters.prototype.next = function () {
      return next.call(this, undefined)
    }
  }),
)

/** With no more connections than statements that were on their way at once. */
export const withoutWidening: Contender = tenantKnex(
  'no widening: connections only for those who wait',
  {},
  await copyPackage(async (load) => {
    const { Scheduler } = await load<Scheduler>('pool/scheduler')
    const { add } = Scheduler.prototype
    Scheduler.prototype.add = function (connection) {
      this.pauseWidening(Number.POSITIVE_INFINITY)
      return add.call(this, connection)
    }
  }),
)

/** With one more connection, up to the most, whenever a tenant takes over another's. */
export const alwaysWidening: Contender = tenantKnex(
  'widening also for tenants that do not come back',
  {},
  await copyPackage(async (load) => {
    const { Comebacks } = await load<Comebacks>('pool/comebacks')
    Object.defineProperty(Comebacks.prototype, 'share', { get: () => 1 })
  }),
)
