import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { TenantKnex } from '../../../src/index.ts'
import { onEachServer, rejection, urlOptions } from '../../support/tenants.ts'
import {
  acquire,
  ask,
  drain,
  expectReleased,
  expectUntouched,
  onOneConnection,
  prepare,
  promised,
  type RawLease,
  release,
  tenantsRead,
} from './support.ts'

const READ = 'SELECT * FROM items'

/** Everything that a connection has to send something with. */
const SENDING: [name: string, call: (kept: RawLease) => Promise<unknown>][] = [
  ['query', (kept) => ask(kept, READ)],
  ['execute', (kept) => ask(kept, READ, 'execute')],
  ['prepare', (kept) => prepare(kept, READ)],
  ['beginTransaction', (kept) => promised((done) => kept.beginTransaction(done))],
  ['commit', (kept) => promised((done) => kept.commit(done))],
  ['rollback', (kept) => promised((done) => kept.rollback(done))],
  ['ping', (kept) => promised((done) => kept.ping(done))],
  ['stream', async (kept) => throwing(await drain(kept.query(READ).stream()))],
  ['execute and stream', async (kept) => throwing(await drain(kept.execute(READ).stream()))],
  ['promise().query', (kept) => kept.promise().query(READ)],
  ['promise().execute', (kept) => kept.promise().execute(READ)],
  ['promise().prepare', (kept) => kept.promise().prepare(READ)],
  ['promise().ping', (kept) => kept.promise().ping()],
]

/** Everything that could stop, close or change it. */
const DISTURBING: [name: string, call: (kept: RawLease) => unknown][] = [
  ['pause', (kept) => kept.pause()],
  ['resume', (kept) => kept.resume()],
  ['unprepare', (kept) => kept.unprepare(READ)],
  ['reset', (kept) => rejection(promised((done) => kept.reset(done)))],
  ['changeUser', (kept) => rejection(promised((done) => kept.changeUser({}, done)))],
  ['end', (kept) => promised((done) => kept.end(done))],
  ['close', (kept) => kept.close()],
  ['destroy', (kept) => kept.destroy()],
  ['promise().pause', (kept) => kept.promise().pause()],
  ['promise().resume', (kept) => kept.promise().resume()],
  ['promise().end', (kept) => kept.promise().end()],
  ['promise().close', (kept) => kept.promise().close()],
  ['promise().destroy', (kept) => kept.promise().destroy()],
  ['__knex__disposed', (kept) => Object.assign(kept, { __knex__disposed: new Error('old') })],
]

/** What makes mysql2's streams resume their connection. */
const STREAM_USES: Readonly<Record<string, (stream: Readable) => unknown>> = {
  destroyed: (stream) => stream.destroy(),
  read: (stream) => stream.read(),
  'read to its end': (stream) => stream.resume(),
}

onEachServer('a connection kept after its release', (server) => {
  it('tells nothing of the next tenant: its database, its transaction, its error', () =>
    onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
      const kept = await acquire(tenantKnex, 'a')
      await release(tenantKnex, 'a', kept)
      await tenantKnex('b').transaction(async (trx) => {
        await trx('items')
        expect(kept.config.database).to.equal(databaseOf('a'))
        expect(kept).to.have.property('isInTransaction', undefined)
      })
      const { id: tenant } = tenantKnex('b').tenant
      const slow = tenantKnex('b')
        .raw('SELECT SLEEP(0.3), ?', [`secret of ${tenant}`])
        .timeout(20)
      await rejection(slow)
      expect(kept).to.have.property('__knex__disposed', undefined)
    }))

  for (const [name, call] of SENDING) {
    it(`answers nothing, idle or another’s: ${name}`, () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const kept = await keep(tenantKnex)
        await expectReleased(call(kept))
        const present = await acquire(tenantKnex, 'b')
        await ask(present, 'SELECT 1')
        await expectReleased(call(kept))
        const sleeping = ask(present, 'SELECT SLEEP(0.05) AS slept')
        await expectReleased(call(kept))
        expect(await sleeping).to.deep.equal([{ slept: 0 }])
        await release(tenantKnex, 'b', present)
      }))
  }

  for (const [name, call] of DISTURBING) {
    it(`does not disturb the present holder: ${name}`, () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const kept = await keep(tenantKnex)
        const present = await acquire(tenantKnex, 'b')
        await ask(present, READ, 'execute')
        const sleeping = ask(present, 'SELECT SLEEP(0.05) AS slept')
        await call(kept)
        expect(await sleeping).to.deep.equal([{ slept: 0 }])
        expect(await ask(present, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
          { tenant: 'b' },
        ])
        await release(tenantKnex, 'b', present)
        expect(await tenantsRead(tenantKnex, 'c')).to.deep.equal(['c'])
        expect(tenantKnex.stats().servers[0]).to.include({ connects: 1, discards: 0 })
      }))
  }

  it('is of no use to any builder, of its tenant or another', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const kept = (await keep(tenantKnex)) as never
      const knex = tenantKnex('a')
      for (const call of [
        async () => knex('items').connection(kept),
        async () => knex.raw(READ).connection(kept),
        async () => knex.transaction(async () => undefined, { connection: kept }),
        async () => knex.client.query(kept, READ),
      ]) {
        await expectReleased(call())
      }
      const foreign = rejection((async () => tenantKnex('b')('items').connection(kept))())
      expect(await foreign).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'b' })
    }))

  it('hears nothing of the next one’s', () =>
    onOneConnection(server, async ({ tenantKnex, admin }) => {
      const heard: unknown[] = []
      const kept = await acquire(tenantKnex, 'a')
      for (const event of ['error', 'end']) {
        kept.on(event, (error) => heard.push(error))
        kept.promise().on(event, (error) => heard.push(error))
      }
      await release(tenantKnex, 'a', kept)
      kept.on('error', (error) => heard.push(error))
      await rejection(
        tenantKnex('b').transaction(async (trx) => {
          await admin.query(`KILL CONNECTION ${kept.threadId}`)
          await trx('items')
        }),
      )
      expect(await tenantsRead(tenantKnex, 'b'), 'over another one').to.deep.equal(['b'])
      expect(heard).to.deep.equal([])
    }))

  it('may have been paused: the next one is not', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const lease = await keep(tenantKnex, (held) => held.pause())
      expect(await tenantsRead(tenantKnex, 'b')).to.deep.equal(['b'])
      await expectReleased(ask(lease, READ))
    }))

  it('cannot resume what the next one has paused', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const kept = await keep(tenantKnex)
      const present = await acquire(tenantKnex, 'b')
      await ask(present, 'SELECT 1')
      let isAnswered = false
      const answer = ask(present, 'SELECT 2 AS two').finally(() => {
        isAnswered = true
      })
      present.pause()
      kept.resume()
      await sleep(50)
      expect(isAnswered).to.equal(false)
      present.resume()
      expect(await answer).to.deep.equal([{ two: 2 }])
      await release(tenantKnex, 'b', present)
    }))

  for (const method of ['query', 'execute'] as const) {
    for (const [title, use] of Object.entries(STREAM_USES)) {
      it(`may have a stream: it cannot resume what the next one has paused, ${method}, ${title}`, () =>
        onOneConnection(server, async ({ tenantKnex }) => {
          const streams: Readable[] = []
          await keep(tenantKnex, (held) => void streams.push(held[method](READ).stream()))
          const present = await acquire(tenantKnex, 'b')
          await ask(present, 'SELECT 1')
          let isAnswered = false
          const answer = ask(present, 'SELECT 2 AS two').finally(() => {
            isAnswered = true
          })
          present.pause()
          for (const stream of streams) use(stream)
          await sleep(50)
          expect(isAnswered).to.equal(false)
          present.resume()
          expect(await answer).to.deep.equal([{ two: 2 }])
          await release(tenantKnex, 'b', present)
        }))
    }
  }

  it('may have a stream with no room: it does not keep the next one waiting', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const streams: Readable[] = []
      await keep(tenantKnex, (held) => {
        streams.push(held.query(READ).stream({ highWaterMark: 1 }))
      })
      expect(await tenantsRead(tenantKnex, 'b')).to.deep.equal(['b'])
      expect(tenantKnex.stats().servers[0]).to.include({ connects: 1, discards: 0 })
      for (const stream of streams) stream.destroy()
    }))

  it('may have a stream that nobody reads: what fits into it does not keep the next one waiting', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const streams: { destroy(): void }[] = []
      await keep(tenantKnex, (held) => void streams.push(held.query(READ).stream()))
      const present = await acquire(tenantKnex, 'b')
      const sleeping = ask(present, 'SELECT SLEEP(0.05) AS slept')
      for (const stream of streams) stream.destroy()
      expect(await sleeping).to.deep.equal([{ slept: 0 }])
      await release(tenantKnex, 'b', present)
    }))

  it('cannot cancel what runs on it now', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const kept = await keep(tenantKnex)
      const sleeping = tenantKnex('b')
        .raw('SELECT SLEEP(0.2) AS slept')
        .then(([[row]]) => row.slept)
      await expectReleased((async () => tenantKnex('a').client.cancelQuery(kept))())
      expect(await sleeping).to.equal(0)
    }))

  it('is not given on while a cancel for it is on its way', () => {
    const slowly = async () => {
      await sleep(200)
      return { ...urlOptions(server.url), expirationChecker: () => true }
    }
    return onOneConnection(
      server,
      async ({ tenantKnex }) => {
        const trx = await tenantKnex('a').transaction()
        const timedOut = rejection(trx.raw('SELECT SLEEP(0.15)').timeout(50, { cancel: true }))
        await sleep(5)
        const committed = trx.commit()
        const slept = tenantKnex('b').raw('SELECT SLEEP(0.6) AS slept')
        expect((await slept)[0][0].slept).to.equal(0)
        await Promise.allSettled([timedOut, committed])
      },
      { connection: slowly },
    )
  })
})

onEachServer('a connection that is released wrongly', (server) => {
  for (const releaser of ['a', 'b']) {
    it(`twice, the second time while it is another’s, by ${releaser}: nothing happens`, () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const first = await keep(tenantKnex)
        const second = await acquire(tenantKnex, 'b')
        await release(tenantKnex, releaser, first)
        expect(tenantKnex.stats().servers[0]).to.include({ used: 1, releases: 1 })
        const third = acquire(tenantKnex, 'c')
        expect(await ask(second, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
          { tenant: 'b' },
        ])
        await release(tenantKnex, 'b', second)
        await release(tenantKnex, 'c', await third)
      }))
  }

  it('by another tenant’s client: it is over for its holder, and given on once', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const lease = await acquire(tenantKnex, 'a')
      await ask(lease, 'BEGIN')
      await ask(lease, 'UPDATE items SET val = 1')
      await release(tenantKnex, 'b', lease)
      await expectReleased(ask(lease, 'COMMIT'))
      await release(tenantKnex, 'a', lease)
      await expectUntouched(tenantKnex)
      expect(tenantKnex.stats().servers[0]).to.include({ used: 0, idle: 1, leftovers: 1 })
    }))
})

/** A connection of tenant a, used and released. */
async function keep(tenantKnex: TenantKnex, last?: (lease: RawLease) => void): Promise<RawLease> {
  const lease = await acquire(tenantKnex, 'a')
  await ask(lease, READ, 'execute')
  last?.(lease)
  await release(tenantKnex, 'a', lease)
  return lease
}

/** Rows, or the error of a stream. */
function throwing({ rows, error }: { rows: unknown[]; error?: Error }): unknown[] {
  if (error) throw error
  return rows
}
