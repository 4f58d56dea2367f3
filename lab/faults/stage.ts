import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import {
  type BoundKnex,
  createTenantKnex,
  type TenantKnex,
  type TenantKnexOptions,
} from '../../src/index.ts'
import type { Proxy as NetworkProxy } from '../../test/support/proxy.ts'
import type { RejectedError } from '../../test/support/tenants.ts'
import { hangUp, TENANTS, type World } from './world.ts'

/** Limits that are short enough to be reached often, in milliseconds. */
export const LIMITS = { acquire: 2_000, create: 1_000, switch: 400, statement: 1_200 } as const

/** How long Knex waits for a ROLLBACK, in milliseconds. */
const ROLLBACK_MILLIS = 5_000

/** How long a call may stay pending before the fault is healed, in milliseconds. */
const PATIENCE_MILLIS = 1_800

const RECOVERY_MILLIS = 5_000

/** The description of a call, and of its effect on its tenant's ledger. */
export interface CallOptions {
  readonly tenant: string
  /** The operations that it writes: all of them or none. */
  readonly operations?: readonly number[]
  /** True if a failed call cannot have had an effect, whatever its error says. */
  readonly isUndone?: () => boolean
}

/** A call of the application during a fault, and its result. */
export interface Call extends CallOptions {
  /** `ok`, or code and outcome of the error. */
  readonly label: string
  readonly error?: RejectedError
  /** How long it took, in milliseconds. */
  readonly millis: number
}

/** One cell's pool behind its proxy, and all calls on it. */
export class Stage {
  readonly world: World
  readonly proxy: NetworkProxy
  readonly tenantKnex: TenantKnex
  readonly calls: Call[] = []
  /** Writes in transactions that were never committed. */
  readonly abandoned: { readonly tenant: string; readonly operation: number }[] = []
  /** Repairs the server or the network after a fault, so that the pool can recover. */
  heal: () => unknown = () => undefined
  #operation = 0
  #open = 0
  readonly #sessions: Connection[] = []

  constructor(world: World, proxy: NetworkProxy, options: Partial<TenantKnexOptions> = {}) {
    this.world = world
    this.proxy = proxy
    this.tenantKnex = createTenantKnex({
      connection: proxy.url,
      database: (id) => world.databaseOf(id),
      switchTimeoutMillis: LIMITS.switch,
      ...options,
      pool: {
        max: 2,
        acquireTimeoutMillis: LIMITS.acquire,
        createTimeoutMillis: LIMITS.create,
        ...options.pool,
      },
    })
  }

  /** A unique number for a write. */
  operation(): number {
    return ++this.#operation
  }

  /** Runs a call and records its result. Never rejects. */
  async call(options: CallOptions, fn: (knex: BoundKnex) => PromiseLike<unknown>): Promise<Call> {
    const since = performance.now()
    this.#open++
    let error: RejectedError | undefined
    try {
      await fn(this.tenantKnex(options.tenant))
    } catch (thrown) {
      error = thrown as RejectedError
    }
    this.#open--
    const call = {
      ...options,
      label: error ? labelOf(error) : 'ok',
      millis: performance.now() - since,
      ...(error && { error }),
    }
    this.calls.push(call)
    return call
  }

  /** A write with a timeout of its own. */
  write(tenant: string, operation = this.operation()): Promise<Call> {
    return this.call({ tenant, operations: [operation] }, (knex) =>
      knex('ledger').insert({ operation, tenant }).timeout(LIMITS.statement),
    )
  }

  /** Fills the pool with idle connections in this tenant's database. */
  async warm(tenant: string): Promise<void> {
    const { max } = this.tenantKnex.stats().servers[0]
    const held = await Promise.all(
      Array.from({ length: max }, () => this.tenantKnex(tenant).transaction()),
    )
    for (const trx of held) await trx.rollback()
  }

  /** Blocks a tenant's write of this operation, until the lock is released or the cell ends. */
  async lock(tenant: string, operation: number): Promise<() => Promise<void>> {
    const holder = await this.session()
    await holder.query(
      `BEGIN; INSERT INTO ${this.world.databaseOf(tenant)}.ledger VALUES (${operation}, 'lock')`,
    )
    return () => hangUp(holder)
  }

  /** A connection of root that ends with the cell. */
  async session(uri?: string): Promise<Connection> {
    const session = await this.world.connect(uri)
    this.#sessions.push(session)
    return session
  }

  /** Waits for all calls. If one stays pending, it heals the fault, and finally ends the connections. */
  async settle(): Promise<void> {
    const settled = (): boolean => this.#open === 0
    if (!(await within(PATIENCE_MILLIS, settled))) await this.healNow()
    if (!(await within(ROLLBACK_MILLIS + PATIENCE_MILLIS, settled))) this.proxy.cut()
    if (!(await within(PATIENCE_MILLIS, settled)))
      throw new Error(`${this.#open} calls never settled.`)
    await this.healNow()
  }

  async healNow(): Promise<void> {
    const heal = this.heal
    this.heal = () => undefined
    await heal()
  }

  /** Queries until every tenant gets its own rows, and returns how long that took. */
  async recover(): Promise<number> {
    const since = performance.now()
    for (;;) {
      const isWell = await this.#askAll()
      const millis = performance.now() - since
      if (isWell) return millis
      if (millis > RECOVERY_MILLIS) throw new Error('The pool did not recover.')
      await sleep(10)
    }
  }

  async #askAll(): Promise<boolean> {
    const asked = TENANTS.map(async (tenant) => {
      const seen: string[] = await this.tenantKnex(tenant)('items')
        .distinct()
        .timeout(LIMITS.statement)
        .pluck('tenant')
      if (seen.join() !== tenant) throw new WrongRows(`${tenant} saw rows of ${seen.join()}.`)
    })
    const results = await Promise.allSettled(asked)
    const reasons = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    )
    for (const reason of reasons) if (reason instanceof WrongRows) throw reason
    return reasons.length === 0
  }

  async end(): Promise<void> {
    try {
      await this.healNow()
    } finally {
      for (const session of this.#sessions) await hangUp(session)
    }
    await this.tenantKnex.destroy({ timeoutMillis: 500 })
    const left = this.tenantKnex.connections()
    if (left.length > 0) throw new Error(`Left in the pool: ${JSON.stringify(left)}`)
  }
}

/** Rows of another tenant, which must never occur. */
export class WrongRows extends Error {}

export function labelOf(error: RejectedError): string {
  return `${error.code ?? error.name} ${error.outcome ?? '-'}`
}

async function within(millis: number, condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + millis
  while (!condition()) {
    if (performance.now() > deadline) return false
    await sleep(5)
  }
  return true
}
