import { expect } from 'chai'
import knex, { type Knex } from 'knex'
import {
  onEachServer,
  rejection,
  tenantInScope,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

const EVENTS = [
  'acquireRequest',
  'acquireSuccess',
  'acquireFail',
  'release',
  'createRequest',
  'createSuccess',
  'createFail',
  'destroyRequest',
  'destroySuccess',
  'destroyFail',
  'startReaping',
  'stopReaping',
  'poolDestroyRequest',
  'poolDestroySuccess',
]

/** Notes each event of a Knex's pool, with what kind of arguments its listeners get. */
function note({ client }: Knex): string[] {
  const noted: string[] = []
  for (const event of EVENTS) {
    client.pool.on(event, (...args: unknown[]) => {
      const shown = args.map((arg) => {
        const { threadId } = arg as { threadId?: unknown }
        return typeof threadId === 'number' ? 'connection' : arg instanceof Error ? 'error' : arg
      })
      noted.push([event, ...shown].join(' '))
    })
  }
  return noted
}

const max1 = { pool: { max: 1 } }

onEachServer('the events of the pool', (server) => {
  it('are those of plain Knex, from the first query to the end', () =>
    withTenants(server, max1, async ({ tenantKnex, databaseOf }) => {
      const use = async (bound: Knex, destroy: () => Promise<void>) => {
        const noted = note(bound)
        await bound('items').first()
        await Promise.all([bound('items'), bound('items')])
        await bound.transaction((trx) => trx('items'))
        await destroy()
        return noted
      }
      const connection = { ...urlOptions(server.url), database: databaseOf('a') }
      const plain = knex({ client: 'mysql2', connection, pool: { min: 0, max: 1 } })
      const expected = await use(plain, () => plain.destroy())
      const seen = await use(tenantKnex('a'), () => tenantKnex.destroy())
      expect(seen).to.deep.equal(expected)
    }))

  it('tell of an acquire that fails', () =>
    withTenants(server, { pool: { max: 1, acquireTimeoutMillis: 50 } }, async ({ tenantKnex }) => {
      const noted: unknown[] = []
      const { pool } = tenantKnex('a').client
      const trx = await tenantKnex('a').transaction()
      for (const event of ['acquireRequest', 'acquireFail']) {
        pool.on(event, (id: number, error?: { code: string }) => noted.push(event, id, error?.code))
      }
      await rejection(tenantKnex('b')('items'))
      const [, id] = noted
      expect(noted).to.deep.equal([
        ...['acquireRequest', id, undefined],
        ...['acquireFail', id, 'ERR_ACQUIRE_TIMEOUT'],
      ])
      await trx.rollback()
    }))

  it('show of a connection its id alone, by one object', () =>
    withTenants(server, max1, async ({ tenantKnex }) => {
      const shown: { threadId: number }[] = []
      const { pool } = tenantKnex('a').client
      for (const event of ['createSuccess', 'acquireSuccess', 'release', 'destroySuccess']) {
        pool.on(event, (...args: unknown[]) => shown.push(args.at(-1) as { threadId: number }))
      }
      await tenantKnex('a')('items')
      const [{ connectionId } = { connectionId: 0 }] = tenantKnex.connections()
      await tenantKnex.destroy()
      expect(shown).to.have.lengthOf(4)
      expect(new Set(shown).size).to.equal(1)
      expect(Reflect.ownKeys(shown[0] ?? {})).to.deep.equal(['threadId'])
      expect(shown[0]).to.be.frozen
      expect(shown[0]?.threadId).to.equal(connectionId)
    }))

  it('come in no tenant’s scope, and a listener that throws keeps nobody from hearing', () =>
    withTenants(server, max1, async ({ tenantKnex }) => {
      const heard: string[] = []
      const { pool } = tenantKnex('a').client
      for (const event of EVENTS) {
        pool.on(event, () => {
          throw new Error('thrown by a listener')
        })
        pool.on(event, () => heard.push(tenantInScope(tenantKnex)))
      }
      await tenantKnex.run('a', () => tenantKnex.ambient('items'))
      expect(new Set(heard)).to.deep.equal(new Set(['ERR_NO_TENANT']))
      expect(heard.length).to.be.greaterThan(4)
    }))

  it('are heard no more once their listener is removed; the pool’s own listeners stay', () =>
    withTenants(server, max1, async ({ tenantKnex }) => {
      const { pool } = tenantKnex('a').client
      const heard: string[] = []
      const [first, second] = [() => heard.push('first'), () => heard.push('second')]
      pool.on('release', first)
      pool.on('release', second)
      await tenantKnex('a')('items')
      pool.removeListener('release', first)
      await tenantKnex('b')('items')
      pool.removeAllListeners('release')
      await tenantKnex('a')('items')
      expect(heard).to.deep.equal(['first', 'second', 'second'])
      pool.on('release', first)
      pool.removeAllListeners()
      for (const { connectionId } of tenantKnex.connections()) {
        await tenantKnex('a')
          .raw(`KILL ${connectionId}`)
          .catch(() => undefined)
      }
      expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      expect(heard).to.have.lengthOf(3)
    }))

  it('are all that its view gives beside numbers: it cannot be drained, closed or changed', () =>
    withTenants(server, max1, async ({ tenantKnex }) => {
      const { pool } = tenantKnex('a').client
      expect(Object.keys(pool).filter((name) => !name.startsWith('num'))).to.deep.equal([
        'on',
        'removeListener',
        'removeAllListeners',
      ])
      expect(pool).to.be.frozen
      expect(pool.on('release', () => undefined)).to.equal(undefined)
    }))
})
