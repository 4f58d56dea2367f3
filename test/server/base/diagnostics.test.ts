import { expect } from 'chai'
import { CHANNEL_NAMES, type Heard, listening } from '../../support/diagnostics.ts'
import { onEachServer, rejection, thrown, until, withTenants } from '../../support/tenants.ts'

const names = (heard: readonly Heard[]): string[] => heard.map(([name]) => name)

const messages = (heard: readonly Heard[], channel: string): Heard[1][] =>
  heard.filter(([name]) => name === channel).map(([, message]) => message)

onEachServer('diagnostics channels', (server) => {
  it('tell the life of a query, in order, and the next one of the same tenant has less to tell', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, databaseOf }) =>
      listening(async (heard) => {
        await tenantKnex('a')('items')
        expect(names(heard)).to.deep.equal(['wait', 'acquire', 'switch', 'release'])
        const [connection] = tenantKnex.connections()
        for (const [name, message] of heard) {
          expect(message, name).to.include({ tenant: 'a', database: databaseOf('a') })
          if (name !== 'wait')
            expect(message).to.include({ connectionId: connection?.connectionId })
        }
        heard.length = 0
        await tenantKnex('a')('items')
        expect(names(heard)).to.deep.equal(['acquire', 'release'])
      }),
    ))

  it('have the names of their tenantKnex and of the server, each of them', () =>
    withTenants(server, { pool: { max: 1 }, name: 'reports' }, async ({ tenantKnex }) =>
      listening(async (heard) => {
        await tenantKnex('a').raw('START TRANSACTION')
        await tenantKnex('b')('items')
        await tenantKnex('c')('items')
        await rejection(tenantKnex('a').raw('USE mysql'))
        await tenantKnex.destroy()
        expect([...new Set(names(heard))]).to.have.members(CHANNEL_NAMES)
        for (const [name, message] of heard) {
          expect(message, name).to.include({ name: 'reports', server: 'default' })
        }
      }),
    ))

  it('have a default name', () =>
    withTenants(server, {}, async ({ tenantKnex }) =>
      listening(async (heard) => {
        await tenantKnex('a')('items')
        expect(messages(heard, 'acquire')[0]).to.include({ name: 'default' })
      }),
    ))

  it('measure the wait, the switch and the hold', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) =>
      listening(async (heard) => {
        await Promise.all(['a', 'b'].map((id) => tenantKnex(id).raw('DO SLEEP(0.05)')))
        expect(messages(heard, 'wait').map(({ waiting }) => waiting)).to.deep.equal([1, 2])
        expect(messages(heard, 'acquire')[1]?.waitedMillis).to.be.greaterThan(40)
        expect(messages(heard, 'release')[0]?.heldMillis).to.be.greaterThan(40)
        for (const { durationMillis } of messages(heard, 'switch')) {
          expect(durationMillis).to.be.greaterThan(0)
        }
      }),
    ))

  it('tell of a hand-over from whom to whom', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) =>
      listening(async (heard) => {
        await tenantKnex('a')('items')
        await tenantKnex('b')('items')
        expect(messages(heard, 'switch').map(({ isHandOver }) => isHandOver)).to.deep.equal([
          false,
          true,
        ])
        expect(messages(heard, 'hand-over')).to.have.lengthOf(1)
        expect(messages(heard, 'hand-over')[0]).to.include({ from: 'a', tenant: 'b' })
      }),
    ))

  it('tell of a switch that failed, with the error that the caller gets', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) =>
      listening(async (heard) => {
        await tenantKnex('a')('items')
        const error = await rejection(tenantKnex('missing')('items'))
        expect(messages(heard, 'switch')[1]).to.include({ tenant: 'missing', error })
        expect(messages(heard, 'hand-over')).to.deep.equal([])
      }),
    ))

  it('tell of everything that is refused, with the error that the caller gets', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, databaseOf }) =>
      listening(async (heard) => {
        const a = tenantKnex('a')
        const b = tenantKnex('b')
        const connection = await a.client.acquireConnection()
        await a.client.releaseConnection(connection)
        const errors = [
          await rejection(a.raw('USE mysql')),
          await rejection(a('items').where('id', b('items').select('id'))),
          await rejection(a(`${databaseOf('b')}.items`)),
          await rejection(a.schema.dropTable(`${databaseOf('b')}.items`)),
          await rejection(
            a.schema.alterTable('items', (table) => {
              table
                .foreign('val')
                .references('id')
                .inTable(`${databaseOf('b')}.items`)
            }),
          ),
          thrown(() => a('items').connection(connection)),
          await rejection(
            new Promise((_, reject) => {
              connection.query('SELECT 1', reject)
            }),
          ),
          await rejection(a('items').where(b.raw('1 = 1'))),
          await rejection(
            tenantKnex.run('a', async () => {
              const builder = tenantKnex.ambient('items')
              await tenantKnex.run('b', () => builder)
            }),
          ),
        ]
        const refusals = messages(heard, 'refusal')
        expect(refusals.map(({ error }) => error)).to.deep.equal(errors)
        expect(refusals.map(({ tenant }) => tenant)).to.deep.equal(
          errors.map(({ tenant }) => tenant),
        )
        expect(errors.every(({ tenant }) => tenant !== undefined)).to.equal(true)
        expect(tenantKnex.stats().servers[0].refusals).to.equal(errors.length)
      }),
    ))

  it('tell why a connection was closed', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin }) =>
      listening(async (heard) => {
        const a = tenantKnex('a')
        const reasons: string[] = []
        const closed = async (reason: string) => {
          reasons.push(reason)
          await until(reason, () => messages(heard, 'discard').length === reasons.length)
        }

        await a('items')
        await admin.query('KILL ?', [tenantKnex.connections()[0]?.connectionId])
        await rejection(a.raw('SELECT 1').then(() => a.raw('SIGNAL SQLSTATE "45000"')))
        await closed('lost')

        await rejection(a.raw('SIGNAL SQLSTATE "HY000" SET MYSQL_ERRNO = 1290'))
        await closed('read-only')

        await rejection(a.raw('SELECT SLEEP(5)').timeout(20))
        await closed('query-timeout')

        const connection = await a.client.acquireConnection()
        connection.destroy()
        await a.client.releaseConnection(connection)
        await closed('closed-by-holder')

        const typeCast = () => {
          throw new Error('cannot cast')
        }
        await rejection(a('items').options({ typeCast }))
        await closed('answer-cut')

        await a('items')
        await tenantKnex.destroy()
        await closed('destroyed')

        const discards = messages(heard, 'discard')
        expect(discards.map(({ reason }) => reason)).to.deep.equal(reasons)
        for (const { connectionId } of discards) expect(connectionId).to.be.a('number')
        expect(tenantKnex.stats().servers[0].discards).to.equal(reasons.length)
      }),
    ))

  it('agree with stats() after mixed work', () =>
    withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex }) =>
      listening(async (heard) => {
        const ids = [...'abcabcaabbcc', 'missing']
        await Promise.allSettled(ids.map((id) => tenantKnex(id)('items')))
        await tenantKnex('a').raw('START TRANSACTION')
        await rejection(tenantKnex('b').raw('USE mysql'))
        await until('all is released', () => tenantKnex.stats().servers[0].used === 0)
        const stats = tenantKnex.stats().servers[0]
        expect({
          acquires: stats.acquires,
          waits: stats.waits,
          switches: stats.switches,
          releases: stats.releases,
          discards: stats.discards,
          refusals: stats.refusals,
          leftovers: stats.leftovers,
        }).to.deep.equal({
          acquires: messages(heard, 'acquire').length,
          waits: messages(heard, 'wait').length,
          switches: messages(heard, 'switch').length,
          releases: messages(heard, 'release').length,
          discards: messages(heard, 'discard').length,
          refusals: messages(heard, 'refusal').length,
          leftovers: messages(heard, 'leftover').length,
        })
        expect(stats.leftovers).to.equal(1)
        expect(stats.refusals).to.equal(1)
      }),
    ))
})
