import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { CutPoint } from '../../test/support/proxy-link.ts'
import { until } from '../../test/support/tenants.ts'
import {
  ACQUIRE_TIMEOUT,
  CLOSED,
  LOST,
  LOST_BEFORE,
  REFUSED,
  SWITCH_TIMEOUT,
  TIMED_OUT,
  UNREACHABLE,
} from './labels.ts'
import { inTransaction } from './phases.ts'
import type { Cell } from './run-cell.ts'
import { LIMITS, type Stage } from './stage.ts'
import { block } from './strikes.ts'

/** More packets and bytes than any switch or connect has. */
const ENOUGH = 400

/** How long a KILL tries to connect while another one waits for it. */
const FIRST_KILL_MILLIS = 6_000

/** Faults that have a phase of their own. */
export const SPECIAL_CELLS: readonly Cell[] = [
  {
    fault: 'connection cut after each packet of the server’s in turn',
    phase: 'connecting',
    must: [UNREACHABLE],
    may: ['ok', ...LOST, ...LOST_BEFORE],
    run: (stage) => cutEverywhere(stage, 'answers', 'packets', 1, async () => closeAll(stage)),
  },
  {
    fault: 'connection cut after each answer in turn',
    phase: 'during a switch',
    must: LOST_BEFORE,
    may: ['ok', ...LOST],
    run: (stage) => cutEverywhere(stage, 'answers', 'packets', 1, () => stage.warm('a')),
  },
  {
    fault: 'connection cut after every seventh byte sent in turn',
    phase: 'during a switch',
    must: LOST_BEFORE,
    may: ['ok', ...LOST],
    run: (stage) => cutEverywhere(stage, 'sent', 'bytes', 7, () => stage.warm('a')),
  },
  {
    fault: 'wait_timeout',
    phase: 'idle',
    must: ['ok'],
    may: [],
    isSlow: true,
    options: { session: ['SET wait_timeout = 1'] },
    async run(stage) {
      await stage.warm('a')
      await sleep(1_500)
      for (const tenant of ['a', 'b', 'c']) void stage.write(tenant)
    },
  },
  {
    fault: 'wait_timeout',
    phase: 'in a transaction, between statements',
    must: [...LOST_BEFORE, CLOSED],
    may: ['ok', ...LOST, 'ER_CLIENT_INTERACTION_TIMEOUT failed'],
    isSlow: true,
    options: { session: ['SET wait_timeout = 1'] },
    async run(stage) {
      await inTransaction(stage, () => sleep(1_500))
      void stage.write('b')
    },
  },
  {
    fault: 'old connections swallowed, new ones work',
    phase: 'idle for longer than they are trusted',
    must: ['ok'],
    may: [],
    isSlow: true,
    async run(stage) {
      await stage.warm('a')
      await sleep(5_200)
      stage.proxy.blackHole()
      stage.proxy.endBlackHole()
      for (const tenant of ['a', 'b', 'c']) void stage.write(tenant)
    },
  },
  {
    fault: 'network swallows everything',
    phase: 'during a query that is to be cancelled when late',
    must: ['Error unknown'],
    may: [],
    async run(stage) {
      await stage.warm('a')
      const operation = stage.operation()
      await stage.lock('a', operation)
      void stage.call({ tenant: 'a', operations: [operation] }, (knex) =>
        knex('ledger').insert({ operation, tenant: 'a' }).timeout(300, { cancel: true }),
      )
      await stage.world.untilRunning('insert')
      stage.heal = () => stage.proxy.endBlackHole()
      stage.proxy.blackHole()
    },
  },
  {
    fault: 'max_connections reached',
    phase: 'connecting',
    must: [REFUSED],
    may: [],
    async run(stage) {
      await takeAllConnections(stage)
      await Promise.all(['a', 'b'].map((tenant) => stage.write(tenant)))
    },
  },
  {
    fault: 'max_connections reached',
    phase: 'one connection open, more wanted',
    must: ['ok'],
    may: [],
    async run(stage) {
      await stage.write('a')
      await takeAllConnections(stage)
      await Promise.all(['a', 'b', 'c'].map((tenant) => stage.write(tenant)))
    },
  },
  {
    fault: 'MAX_USER_CONNECTIONS 1',
    phase: 'one connection open, more wanted',
    must: ['ok'],
    may: [],
    maxUserConnections: 1,
    async run(stage) {
      await stage.write('a')
      await Promise.all(['a', 'b', 'c'].map((tenant) => stage.write(tenant)))
    },
  },
  {
    fault: 'server read-only (1290), then not',
    phase: 'idle',
    must: ['ER_OPTION_PREVENTS_STATEMENT failed'],
    may: [],
    async run(stage) {
      await stage.warm('a')
      const before = idsOf(stage)
      await makeReadOnly(stage)
      await Promise.all(['a', 'b'].map((tenant) => stage.write(tenant)))
      const kept = () => idsOf(stage).filter((id) => before.includes(id))
      await until('none is kept to a read-only server', () => kept().length === 0)
    },
  },
  {
    fault: 'server read-only (1290), then not',
    phase: 'in a transaction, before COMMIT',
    must: ['ER_OPTION_PREVENTS_STATEMENT failed'],
    may: [],
    run: (stage) => inTransaction(stage, () => makeReadOnly(stage)),
  },
  {
    fault: 'server restarted with innodb_read_only, then without',
    phase: 'idle',
    must: ['ER_READ_ONLY_MODE failed', 'ER_OPEN_AS_READONLY failed', 'ER_CANT_LOCK failed'],
    may: ['ER_CANT_CREATE_TABLE failed'],
    isSlow: true,
    async run(stage) {
      const { server } = stage.world
      await stage.warm('a')
      stage.heal = async () => {
        await server.stop()
        await server.start()
      }
      await server.stop()
      await server.start(['--innodb-read-only=1'])
      await Promise.all(['a', 'b'].map((tenant) => stage.write(tenant)))
      await stage.call({ tenant: 'a' }, (knex) => knex.raw('CREATE TABLE more (id INT)'))
    },
  },
  {
    fault: 'deadlock',
    phase: 'in a transaction',
    must: ['ER_LOCK_DEADLOCK failed'],
    may: ['ok'],
    options: { pool: { max: 3 } },
    run: deadlock,
  },
  {
    fault: 'lock wait timeout',
    phase: 'during a query',
    must: ['ER_LOCK_WAIT_TIMEOUT failed'],
    may: ['ok'],
    isSlow: true,
    options: { session: ['SET innodb_lock_wait_timeout = 1'] },
    async run(stage) {
      const operation = stage.operation()
      const unlock = await stage.lock('a', operation)
      const write = stage.call({ tenant: 'a', operations: [operation] }, (knex) =>
        knex('ledger').insert({ operation, tenant: 'a' }),
      )
      await stage.write('b')
      await write
      await unlock()
    },
  },
  {
    fault: 'DROP DATABASE waits for a lock',
    phase: 'its tenant comes, others too',
    must: [SWITCH_TIMEOUT, TIMED_OUT],
    may: ['ok'],
    async run(stage) {
      await stage.warm('b')
      await dropWaiting(stage, 'a')
      const read = stage.call({ tenant: 'a' }, (knex) => knex('items').timeout(LIMITS.statement))
      await Promise.all([read, stage.write('b'), stage.write('c'), stage.write('b')])
    },
  },
  {
    fault: 'KILL QUERY',
    phase: 'in a switch that waits behind DROP DATABASE',
    only: 'MySQL',
    must: ['ERR_SWITCH_FAILED not-sent'],
    may: ['ok'],
    options: { switchTimeoutMillis: 5_000 },
    async run(stage) {
      await stage.warm('b')
      await dropWaiting(stage, 'a')
      const write = stage.write('a')
      await sleep(100)
      for (const id of await stage.world.connectionIds()) {
        await stage.world.sql(`KILL QUERY ${id}`).catch(() => undefined)
      }
      await write
    },
  },
  {
    fault: 'typeCast throws',
    phase: 'during a query',
    must: ['Error unknown', 'Error executed'],
    may: ['ok'],
    async run(stage) {
      await stage.warm('a')
      void stage.call({ tenant: 'a' }, (knex) =>
        knex('items').options({
          typeCast: () => {
            throw new Error('cannot cast')
          },
        }),
      )
      for (const tenant of ['a', 'b']) void stage.write(tenant)
    },
  },
  {
    fault: 'typeCast throws',
    phase: 'streaming',
    must: ['Error unknown', 'Error executed'],
    may: ['ok'],
    async run(stage) {
      await stage.warm('a')
      void stage.call({ tenant: 'a' }, async (knex) => {
        const typeCast = () => {
          throw new Error('cannot cast')
        }
        for await (const _ of knex('items').options({ typeCast }).stream());
      })
      for (const tenant of ['a', 'b']) void stage.write(tenant)
    },
  },
  {
    fault: 'postProcessResponse throws',
    phase: 'during a query',
    must: ['Error executed'],
    may: ['ok'],
    options: { postProcessResponse: refuseMarked },
    async run(stage) {
      const operation = stage.operation()
      void stage.call({ tenant: 'a', operations: [operation] }, (knex) =>
        knex('ledger').insert({ operation, tenant: 'a' }).queryContext('throw'),
      )
      void stage.write('b')
    },
  },
  {
    fault: 'postProcessResponse throws',
    phase: 'streaming',
    must: ['Error executed', 'Error unknown'],
    may: ['ok'],
    options: { postProcessResponse: refuseMarked },
    async run(stage) {
      await stage.warm('a')
      void stage.call({ tenant: 'a' }, async (knex) => {
        for await (const _ of knex('items').queryContext('throw').stream());
      })
      for (const tenant of ['a', 'b']) void stage.write(tenant)
    },
  },
  {
    fault: 'connections cut (FIN)',
    phase: 'in a transaction, during a CREATE TABLE, which commits',
    must: LOST,
    may: ['ok'],
    run: commitByItself,
  },
  {
    fault: 'postProcessResponse throws',
    phase: 'in a transaction',
    must: ['Error executed', 'Error failed'],
    may: ['ok'],
    options: { postProcessResponse: refuseMarked },
    async run(stage) {
      const operation = stage.operation()
      stage.abandoned.push({ tenant: 'a', operation })
      void stage.call({ tenant: 'a' }, (knex) =>
        knex.transaction((trx) =>
          trx('ledger').insert({ operation, tenant: 'a' }).queryContext('throw'),
        ),
      )
      void stage.write('b')
    },
  },
  {
    fault: 'event loop blocked for longer than the limit, the answer is there in time',
    phase: 'during a switch',
    must: ['ok'],
    may: [],
    isDirect: true,
    async run(stage) {
      await stage.warm('a')
      const switches = (): number => stage.tenantKnex.stats().servers[0].switches
      const before = switches()
      const operation = stage.operation()
      void stage.call({ tenant: 'b', operations: [operation] }, (knex) =>
        knex('ledger').insert({ operation, tenant: 'b' }),
      )
      while (switches() === before) await turn()
      block(LIMITS.switch + 300)
    },
  },
  {
    fault: 'acquire timeout',
    phase: 'waiting for a connection',
    must: [ACQUIRE_TIMEOUT],
    may: ['ok'],
    options: { acquireConnectionTimeout: 200 },
    async run(stage) {
      const held = await Promise.all(['a', 'b'].map((id) => stage.tenantKnex(id).transaction()))
      await Promise.all(['a', 'b', 'c'].map((tenant) => stage.write(tenant)))
      for (const trx of held) await trx.rollback()
      await stage.write('c')
    },
  },
  {
    fault: 'acquire timeout',
    phase: 'connecting',
    must: [ACQUIRE_TIMEOUT],
    may: ['ok'],
    options: { acquireConnectionTimeout: 200 },
    async run(stage) {
      stage.proxy.stall('answers')
      await Promise.all(['a', 'b', 'c'].map((tenant) => stage.write(tenant)))
      stage.proxy.release()
    },
  },
  {
    fault: 'acquire timeout',
    phase: 'an open transaction being cleaned up',
    must: [ACQUIRE_TIMEOUT],
    may: ['ok'],
    options: { acquireConnectionTimeout: 200, pool: { max: 1 } },
    async run(stage) {
      const { client } = stage.tenantKnex('a')
      const lease = await client.acquireConnection()
      await new Promise((resolve) => lease.query('START TRANSACTION', resolve))
      stage.proxy.stall('sent')
      await client.releaseConnection(lease)
      await stage.write('a')
      stage.proxy.release()
      await stage.write('b')
    },
  },
  {
    fault: 'server restarted: a KILL comes late, its connection’s id is another’s by now',
    phase: 'during a query',
    must: ['ok'],
    may: [TIMED_OUT],
    isSlow: true,
    options: { pool: { createTimeoutMillis: FIRST_KILL_MILLIS } },
    run: lateKill,
  },
]

/** Cuts later and later, until a write passes without a cut. */
async function cutEverywhere(
  stage: Stage,
  direction: CutPoint['direction'],
  unit: 'packets' | 'bytes',
  step: number,
  prepare: () => Promise<void>,
): Promise<void> {
  for (let at = 0; at < ENOUGH; at += step) {
    await prepare()
    stage.proxy.cutAfter({ direction, [unit]: at })
    const { label } = await stage.write('b')
    stage.proxy.cutAfter({ direction }) // no cut any more
    if (label === 'ok') return
  }
  throw new Error('Every write was cut.')
}

function idsOf({ tenantKnex }: Stage): number[] {
  return tenantKnex.connections().map(({ connectionId }) => connectionId)
}

async function closeAll(stage: Stage): Promise<void> {
  stage.proxy.cut()
  await until('no connection is left', () => stage.tenantKnex.connections().length === 0)
}

/** Takes all connections that ordinary accounts may still open. */
async function takeAllConnections(stage: Stage): Promise<void> {
  const { world } = stage
  const [row] = await world.sql('SELECT @@GLOBAL.max_connections AS count')
  const root = await stage.session()
  stage.heal = () => root.query(`SET GLOBAL max_connections = ${Number(row?.count)}`)
  await root.query('CREATE USER IF NOT EXISTS tk_others')
  await root.query('SET GLOBAL max_connections = 10')
  const url = new URL(world.url)
  url.username = 'tk_others'
  for (let count = 0; count <= 10; count++) {
    try {
      await stage.session(url.href)
    } catch {
      return
    }
  }
}

async function makeReadOnly(stage: Stage): Promise<void> {
  stage.heal = () => stage.world.sql('SET GLOBAL read_only = 0')
  await stage.world.sql('SET GLOBAL read_only = 1')
}

/** A DROP DATABASE that waits for a reader. The reader ends with the cell. */
async function dropWaiting(stage: Stage, tenant: string): Promise<void> {
  const { world } = stage
  const database = world.databaseOf(tenant)
  const reader = await stage.session()
  await reader.query(`BEGIN; SELECT * FROM ${database}.items`)
  const dropper = await stage.session()
  const dropped = dropper.query(`DROP DATABASE ${database}`).catch(() => undefined)
  stage.heal = async () => {
    await world.sql(`KILL QUERY ${dropper.threadId}`)
    await dropped
    await reader.query('ROLLBACK')
  }
  await until('DROP DATABASE waits', async () => {
    const rows = await world.sql(
      `SELECT state AS state FROM information_schema.processlist WHERE id = ${dropper.threadId}`,
    )
    return /lock/i.test(String(rows[0]?.state))
  })
}

/** Two transactions of tenant a that lock each other out. Tenant b continues. */
async function deadlock(stage: Stage): Promise<void> {
  let arrived = 0
  const bothHold = async (): Promise<void> => {
    arrived++
    await until('both hold a lock', () => arrived === 2)
  }
  const lockBoth = ([first, second]: readonly [number, number]) => {
    const operation = stage.operation()
    return stage.call({ tenant: 'a', operations: [operation] }, (knex) =>
      knex.transaction(async (trx) => {
        await trx('ledger').insert({ operation, tenant: 'a' })
        await trx('items').where({ id: first }).forUpdate()
        await bothHold()
        await trx('items').where({ id: second }).forUpdate()
      }),
    )
  }
  await Promise.all([lockBoth([1, 2]), lockBoth([2, 1]), stage.write('b')])
}

/**
 * The server commits and begins a new transaction, but its answer is lost. Only the outcome `unknown` is
 * right then.
 */
async function commitByItself(stage: Stage): Promise<void> {
  const { proxy, world } = stage
  const operation = stage.operation()
  void stage.call({ tenant: 'a', operations: [operation] }, (knex) =>
    knex.transaction(async (trx) => {
      await trx('ledger').insert({ operation, tenant: 'a' })
      proxy.stall('answers')
      await trx.raw('CREATE TABLE IF NOT EXISTS items (id INT)')
    }),
  )
  await until('it is committed', async () => (await world.ledger('a')).length > 0)
  proxy.cut()
  proxy.release()
  await stage.write('b')
}

function refuseMarked(response: unknown, context: unknown): unknown {
  if (context === 'throw') throw new Error('cannot process')
  return response
}

/**
 * Two statements are cancelled. The second KILL waits for the first, whose connection is swallowed. When it
 * runs, the server has restarted, and its id now belongs to a connection of tenant b.
 */
async function lateKill(stage: Stage): Promise<void> {
  const { proxy, world } = stage
  await world.server.kill() // ids start again at 1, so the count is short
  await world.server.start()
  for (let count = 0; count < 30; count++) await world.sql('SELECT 1')
  await stage.warm('a')
  for (const millis of [300, 600]) {
    void stage.call({ tenant: 'a' }, (knex) => knex.raw('DO SLEEP(?)', [millis]).timeout(millis))
  }
  await world.untilRunning('DO SLEEP', 2)
  const [late] = await world.sql(
    `SELECT id AS id FROM information_schema.processlist WHERE info = 'DO SLEEP(600)'`,
  )
  proxy.blackHole()
  const isGivenUp = sleep(FIRST_KILL_MILLIS + 1_200)
  await sleep(450)
  proxy.endBlackHole()
  await sleep(250)
  await world.server.kill()
  await world.server.start()
  const operation = stage.operation()
  const unlock = await stage.lock('b', operation)
  await countTo(stage, Number(late?.id))
  const write = stage.call({ tenant: 'b', operations: [operation] }, (knex) =>
    knex('ledger').insert({ operation, tenant: 'b' }),
  )
  await isGivenUp
  await unlock()
  await write
}

/** Opens connections until the next one gets this id. */
async function countTo(stage: Stage, id: number): Promise<void> {
  for (;;) {
    const { threadId } = await stage.session()
    if (threadId === id - 1) return
    if (threadId >= id) throw new Error('The new server has counted too far.')
  }
}
