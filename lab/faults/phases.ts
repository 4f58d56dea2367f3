import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { until } from '../../test/support/tenants.ts'
import { LIMITS, type Stage, WrongRows } from './stage.ts'
import type { Fault } from './strikes.ts'

/** A moment in the life of a connection. `run` brings a stage to that moment and lets the fault strike. */
export interface Phase {
  readonly name: string
  run(stage: Stage, strike: () => Promise<void>, fault: Fault): Promise<void>
}

/** How many acquires wait in a queue when a fault strikes. */
const WAITERS = 50

/** The phases that any fault can strike. */
export const PHASES = {
  connecting: {
    name: 'connecting',
    async run(stage, strike) {
      stage.proxy.stall('answers')
      void stage.write('a')
      await until('it connects', async () => (await stage.world.connectionIds()).length > 0)
      await strike()
      stage.proxy.release()
    },
  },
  idle: {
    name: 'idle',
    async run(stage, strike) {
      await stage.warm('a')
      await strike()
      await sleep(20)
      for (const tenant of ['a', 'b', 'a', 'c']) void stage.write(tenant)
    },
  },
  switch: {
    name: 'during a switch',
    async run(stage, strike) {
      await stage.warm('a')
      stage.proxy.stall('sent')
      void stage.write('b')
      await untilSent(stage, stage.world.databaseOf('b'))
      await strike()
      stage.proxy.release()
      void stage.write('a')
    },
  },
  query: {
    name: 'during a query',
    async run(stage, strike) {
      await stage.warm('a')
      const operation = stage.operation()
      const unlock = await stage.lock('a', operation)
      void stage.write('a', operation)
      await stage.world.untilRunning('insert')
      await strike()
      await unlock()
      void stage.write('b')
    },
  },
  transaction: {
    name: 'in a transaction, between statements',
    async run(stage, strike) {
      await stage.warm('a')
      await inTransaction(stage, strike)
      void stage.write('b')
    },
  },
  commitSent: {
    name: 'COMMIT on its way to the server',
    async run(stage, strike) {
      const { trx, operations } = await openTransaction(stage)
      stage.proxy.stall('sent')
      void stage.call({ tenant: 'a', operations }, () => commit(trx))
      await untilSent(stage, 'COMMIT')
      await strike()
      stage.proxy.release()
      void stage.write('b')
    },
  },
  commitDone: {
    name: 'answer to COMMIT on its way back',
    async run(stage, strike) {
      const { trx, operations } = await openTransaction(stage)
      stage.proxy.stall('answers')
      void stage.call({ tenant: 'a', operations }, () => commit(trx))
      await until('it is committed', async () => (await stage.world.ledger('a')).length > 0)
      await strike()
      stage.proxy.release()
      void stage.write('b')
    },
  },
  stream: {
    name: 'streaming',
    async run(stage, strike, { isTrickle }) {
      await stage.warm('a')
      const tables = isTrickle ? ['x'] : ['x', 'y', 'z', 'v', 'w']
      const struck = new Promise<void>((resolve) => {
        void stage.call({ tenant: 'a' }, (knex) =>
          readAll(
            knex('items as x')
              .joinRaw(
                tables
                  .slice(1)
                  .map((t) => `JOIN items ${t}`)
                  .join(' '),
              )
              .select('x.tenant', { padding: knex.raw('REPEAT(?, 10000)', ['x']) })
              .stream(),
            5 ** tables.length,
            () => strike().finally(resolve),
          ),
        )
      })
      await struck
      void stage.write('b')
    },
  },
  cleaning: {
    name: 'an open transaction being cleaned up',
    async run(stage, strike) {
      const { client } = stage.tenantKnex('a')
      const lease = await client.acquireConnection()
      const operation = stage.operation()
      for (const sql of ['START TRANSACTION', `INSERT INTO ledger VALUES (${operation}, 'a')`]) {
        await new Promise((resolve) => lease.query(sql, resolve))
      }
      stage.proxy.stall('sent')
      const before = stage.proxy.sent.length
      stage.abandoned.push({ tenant: 'a', operation })
      await client.releaseConnection(lease)
      await until('it is being cleaned', () => stage.proxy.sent.length > before)
      await strike()
      stage.proxy.release()
      for (const tenant of ['a', 'b', 'c']) void stage.write(tenant)
    },
  },
  queue: {
    name: `with ${WAITERS} waiting for a connection`,
    async run(stage, strike) {
      await stage.warm('a')
      const running = ['a', 'b'].map((tenant) => ({ tenant, operation: stage.operation() }))
      const unlocks = await Promise.all(
        running.map(({ tenant, operation }) => stage.lock(tenant, operation)),
      )
      for (const { tenant, operation } of running) void stage.write(tenant, operation)
      await stage.world.untilRunning('insert', 2)
      for (let count = 0; count < WAITERS; count++) void stage.write('abc'.charAt(count % 3))
      await strike()
      for (const unlock of unlocks) await unlock()
    },
  },
} as const satisfies Record<string, Phase>

export type PhaseName = keyof typeof PHASES

/** Waits until a text has been sent; other connections may send at the same time. */
function untilSent({ proxy }: Stage, text: string): Promise<void> {
  return until(`${text} is sent`, () => proxy.sent.some((data) => data.includes(text)))
}

/** A transaction of tenant a: a write, a callback, another write, COMMIT. */
export async function inTransaction(stage: Stage, between: () => Promise<void>): Promise<void> {
  const operations = [stage.operation(), stage.operation()]
  let isCommitting = false
  const insert = (operation: number | undefined) => ({ operation, tenant: 'a' })
  await new Promise<void>((resolve) => {
    void stage.call({ tenant: 'a', operations, isUndone: () => !isCommitting }, (knex) =>
      knex.transaction(async (trx) => {
        await trx('ledger').insert(insert(operations[0]))
        await between()
        resolve()
        await trx('ledger').insert(insert(operations[1])).timeout(LIMITS.statement)
        isCommitting = true
      }),
    )
  })
}

async function openTransaction(
  stage: Stage,
): Promise<{ trx: Knex.Transaction; operations: number[] }> {
  const operations = [stage.operation(), stage.operation()]
  const trx = await stage.tenantKnex('a').transaction()
  for (const operation of operations) await trx('ledger').insert({ operation, tenant: 'a' })
  return { trx, operations }
}

/** Knex reports a failed COMMIT only through this promise, not through `commit()`: knex#3847. */
async function commit(trx: Knex.Transaction): Promise<void> {
  await trx.commit()
  await trx.executionPromise
}

/** Reads a stream of tenant a to its end. The end must not come early without an error. */
async function readAll(
  stream: AsyncIterable<{ tenant: string }>,
  expected: number,
  strike: () => Promise<void>,
): Promise<void> {
  let count = 0
  for await (const { tenant } of stream) {
    if (tenant !== 'a') throw new WrongRows(`a was streamed a row of ${tenant}.`)
    if (++count === 2) await strike()
  }
  if (count !== expected) throw new WrongRows(`A stream ended after ${count} of ${expected} rows.`)
}
