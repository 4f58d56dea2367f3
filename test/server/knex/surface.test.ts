import { inspect } from 'node:util'
import { expect } from 'chai'
import type { Knex } from 'knex'
import { createTenantKnex } from '../../../src/index.ts'
import { onEachServer, rejection, thrown, urlOptions, withTenants } from '../../support/tenants.ts'
import { sameAsPlain } from './same-as-plain.ts'

/** How to reach a server without what plain Knex shows of a password that is empty. */
function settingsOf(url: string): { host: string; port: number; user: string } {
  const { host, port, user } = urlOptions(url)
  return { host, port, user }
}

onEachServer('what other people’s code reads of a Knex', (server) => {
  it('the client’s class, dialect and driver are those of plain Knex', () =>
    sameAsPlain(server, async (knex) => {
      const described = ({ client }: Knex) => [
        client.constructor.name,
        client.dialect,
        client.driverName,
        client.config.client,
        Object.keys(client.driver).sort(),
      ]
      return [described(knex), await knex.transaction(async (trx) => described(trx))]
    }))

  it('the configuration says how it is connected, and to which database', () =>
    sameAsPlain(
      server,
      async (knex) => {
        const { connection } = knex.client.config
        return [connection, await knex.transaction(async (trx) => trx.client.config.connection)]
      },
      { connection: { ...settingsOf(server.url), charset: 'utf8mb4', timezone: 'Z' } },
    ))

  it('the methods are listed, and a copy by spread has them', () =>
    sameAsPlain(server, async (knex) => {
      const copy = { ...knex, queryBuilder: () => knex.queryBuilder() } as unknown as Knex
      return [
        Object.keys(knex).sort(),
        Object.keys(Object.assign(() => undefined, knex)).length,
        typeof copy.whereIn,
        await copy.select('id').from('items').where({ id: 2 }),
        Object.hasOwn(knex, 'select'),
        Object.hasOwn(knex, 'nothing'),
      ]
    }))

  it('a property that is set stays that Knex’s own, and can be changed again', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const knexes: (Knex & Record<string, unknown>)[] = [
        tenantKnex('a'),
        tenantKnex.ambient,
      ] as never
      for (const knex of knexes) {
        const { select } = knex
        for (const value of [1, 2]) {
          Object.assign(knex, { select: value, extra: value })
          expect(knex).to.include({ select: value, extra: value })
        }
        expect(Object.keys(knex)).to.include('extra')
        expect(tenantKnex('b').select).to.equal(select)
        delete (knex as { select?: unknown }).select
        expect(knex.select).to.equal(select)
        const derived = Object.assign(Object.create(knex), { select: 3 })
        expect(derived.select).to.equal(3)
        expect(knex.select).to.equal(select)
        expect(knex.setMaxListeners(20).getMaxListeners()).to.equal(20)
        expect(tenantKnex('b').getMaxListeners()).not.to.equal(20)
      }
    }))

  it('`.connection()` of nothing is ignored', () =>
    sameAsPlain(server, async (knex) => {
      const nothing = [undefined, null, false, 0, ''] as never[]
      return Promise.all(
        nothing.map(async (none) => [
          await knex('items').where({ id: 1 }).connection(none),
          (await knex.raw('SELECT tenant FROM items LIMIT 1').connection(none))[0],
          await knex.schema.connection(none).hasTable('items'),
        ]),
      )
    }))

  it('builders read in information_schema what describes tables', () =>
    sameAsPlain(server, async (knex) => {
      const own = { table_schema: knex.client.database() }
      await knex.schema.createTable('parents', (table) => void table.increments())
      await knex.schema.createTable('children', (table) => {
        table.increments()
        table.integer('parent').unsigned().references('parents.id')
      })
      return [
        await knex('information_schema.tables')
          .where(own)
          .select('table_name as name')
          .orderBy('name'),
        await knex('COLUMNS').withSchema('INFORMATION_SCHEMA').where(own).count(),
        await knex
          .withSchema('information_schema')
          .from('key_column_usage as k')
          .join('referential_constraints as r', 'r.constraint_name', 'k.constraint_name')
          .where({ 'k.table_schema': own.table_schema, 'r.constraint_schema': own.table_schema })
          .select('k.table_name as child', 'r.referenced_table_name as parent'),
        await knex('items').whereExists(knex('information_schema.schemata')).count(),
        await knex('items').join('information_schema.schemata as s', (on) => {
          on.on('s.schema_name', knex.raw('DATABASE()'))
        }),
      ]
    }))

  it('builders do not read the process list, nor other databases of the server’s own', () =>
    withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex }) => {
      const a = tenantKnex('a')
      const running = tenantKnex('b').raw("SELECT SLEEP(0.2), 'secret'")
      running.catch(() => undefined)
      for (const query of [
        () => a('information_schema.processlist'),
        () => a('PROCESSLIST').withSchema('INFORMATION_SCHEMA').select('info'),
        () => a('items').join('information_schema.PROCESSLIST as p', 'p.id', 'items.id'),
        () => a('items').whereExists(a('information_schema.innodb_trx')),
        () => a.schema.createView('v', (view) => view.as(a('information_schema.processlist'))),
        () => a('performance_schema.threads'),
        () => a('mysql.user'),
        () => a('sys.session'),
      ]) {
        const error = await rejection((async () => query())())
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
      }
      await running
    }))

  it('the client of `ambient` can be read outside any scope, and cannot connect', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { ambient } = tenantKnex
      const { client } = ambient
      await tenantKnex('a')('items')
      const inScope = await tenantKnex.run('a', () => ambient.client)
      for (const name of ['dialect', 'driverName', 'driver', 'pool', 'version', 'isMariaDB']) {
        expect(client[name], name).to.equal(inScope[name])
      }
      const { database: _database, ...settings } = inScope.config.connection
      expect(client.config).to.deep.equal({ ...inScope.config, connection: settings })
      expect(client.constructor.name).to.equal('Client_MySQL2')
      const own = () => client.queryBuilder().from('items')
      for (const connect of [
        () => client.acquireConnection(),
        () => client.acquireRawConnection(),
        () => client.transaction(() => undefined),
        () => own(),
        () => own().stream(() => undefined),
        () => client.raw('SELECT * FROM items'),
        () => client.schemaBuilder().dropTable('items'),
        () => tenantKnex('a')('items').whereIn('id', own().select('id')),
        () => tenantKnex('a')('items').whereRaw(client.raw('1 = 1')),
        () => own().transacting(client),
        () => tenantKnex.run('a', () => own()),
      ]) {
        const error = await rejection((async () => connect())())
        expect(error, String(connect)).to.include({ code: 'ERR_NO_TENANT', outcome: 'not-sent' })
      }
      for (const make of [
        () => ambient('items'),
        () => ambient.ref('x'),
        () => ambient.fn,
        () => ambient.batchInsert('items', [] as never),
        () => ambient.queryBuilder(),
        () => client.database(),
      ]) {
        expect(thrown(make), String(make)).to.include({ code: 'ERR_NO_TENANT' })
      }
      expect(await tenantKnex('a')('items')).to.have.lengthOf(5)
    }))

  it('a connection of the driver’s own is given to nobody', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { client } = tenantKnex('a')
      const error = await rejection(client.acquireRawConnection())
      expect(error).to.include({
        code: 'ERR_STATEMENT_REFUSED',
        tenant: 'a',
        outcome: 'not-sent',
      })
      expect(error.message).to.contain('client.acquireConnection()')
      await tenantKnex('a').transaction(async (trx) => {
        expect(await rejection(trx.client.acquireRawConnection())).to.have.property('tenant', 'a')
      })
      expect(await rejection(client.getPoolSettings({}).create())).to.have.property('tenant', 'a')
      expect(tenantKnex.stats().servers[0]).to.include({ connections: 1, refusals: 3 })
    }))

  it('the configuration learns the place and the settings that functions give', () =>
    withTenants(server, {}, async ({ databaseOf }) => {
      const settings = settingsOf(server.url)
      const tenantKnex = createTenantKnex({
        connection: async () => settings,
        database: async (id) => databaseOf(id),
      })
      const { config } = tenantKnex('a').client
      expect(config.connection).to.deep.equal({})
      await tenantKnex('b')('items')
      expect(config.connection).to.deep.equal(settings)
      await tenantKnex.lookup('a')
      expect(config.connection).to.deep.equal({ ...settings, database: databaseOf('a') })
      await tenantKnex.destroy()
    }))
})

describe('the connection that a client’s configuration shows', () => {
  it('has no secret, however it is looked at, and is not what connections are made with', async () => {
    const secrets = {
      password: 'hunter2',
      password2: 'hunter2',
      passwordSha1: Buffer.from('hunter2'),
      ssl: { key: 'hunter2', passphrase: 'hunter2' },
      authPlugins: { x: () => 'hunter2' },
    }
    const tenantKnex = createTenantKnex({
      connection: { host: 'h', user: 'u', ...secrets } as never,
    })
    const { config } = tenantKnex('a').client
    expect(inspect(config.connection, { showHidden: true })).not.to.contain('hunter2')
    expect(Reflect.ownKeys(config.connection)).to.have.members(['host', 'user', 'database'])
    config.connection.database = 'tenant_b'
    expect(config.connection.database).to.equal('tenant_a')
    expect(tenantKnex('a').client.database()).to.equal('tenant_a')
    expect(tenantKnex('b').client.config.connection.database).to.equal('tenant_b')
    await tenantKnex.destroy()
  })
})
