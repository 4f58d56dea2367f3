import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Knex } from 'knex'
import type { ConnectionSettings, TenantKnexOptions } from '../../../src/index.ts'
import { onEachServer, type TestServer, urlOptions, withTenants } from '../../support/tenants.ts'
import { sameAsPlain } from './same-as-plain.ts'

/** A row with a value of each type that options change. */
async function values(knex: Knex): Promise<unknown> {
  await knex.schema.createTable('typed', (table) => {
    table.increments('id')
    table.bigInteger('big')
    table.decimal('price', 20, 4)
    table.dateTime('moment')
    table.date('day')
    table.json('json')
    table.binary('bytes')
    table.string('text')
    table.boolean('flag')
  })
  await knex('typed').insert({
    big: '9007199254740995',
    price: '12.3400',
    moment: new Date('2024-02-29T12:34:56Z'),
    day: '2024-02-29',
    json: JSON.stringify({ a: [1] }),
    bytes: Buffer.from([0, 255]),
    text: 'Ünï 🙂 乗',
    flag: true,
  })
  const [row] = await knex('typed')
  const [[session]] = await knex.raw(
    'SELECT CAST(moment AS CHAR) AS kept, @@character_set_client AS cs FROM typed',
  )
  const [[made]] = await knex.raw('SHOW CREATE TABLE typed')
  return [row, session, made, await knex('typed').where({ text: 'Ünï 🙂 乗' }).count()]
}

const options: [string, ConnectionSettings][] = [
  ['none', {}],
  ['timezone Z', { timezone: 'Z' }],
  ['timezone +05:30', { timezone: '+05:30' }],
  ['dateStrings', { dateStrings: true }],
  ['dateStrings for some types', { dateStrings: ['DATE'] }],
  ['bigNumberStrings', { supportBigNumbers: true, bigNumberStrings: true }],
  ['supportBigNumbers', { supportBigNumbers: true }],
  ['decimalNumbers', { decimalNumbers: true }],
  ['typeCast off', { typeCast: false }],
  [
    'typeCast by a function',
    {
      typeCast: (field, next) =>
        field.type === 'TINY' && field.length === 1 ? field.string() === '1' : next(),
    },
  ],
  ['jsonStrings', { jsonStrings: true } as ConnectionSettings],
  ['charset, of new tables too', { charset: 'latin1' }],
  ['collate of new tables', { charset: 'utf8mb4', collate: 'utf8mb4_bin' } as ConnectionSettings],
  ['compress', { compress: true }],
  ['rowsAsArray', { rowsAsArray: true }],
  ['nestTables', { nestTables: '_' } as ConnectionSettings],
  ['stringifyObjects', { stringifyObjects: true }],
  ['namedPlaceholders', { namedPlaceholders: true }],
]

/** Makes a socket in the file system that leads to a server. */
async function withSocket(
  server: TestServer,
  test: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenant-knex-'))
  const { host, port } = urlOptions(server.url)
  const forward = createServer((inner) => {
    const outer = connect(port, host)
    inner.pipe(outer).pipe(inner)
    for (const side of [inner, outer]) side.on('error', () => inner.destroy())
  })
  const path = join(folder, 'server.sock')
  forward.listen(path)
  await once(forward, 'listening')
  try {
    await test(path)
  } finally {
    forward.close()
    await rm(folder, { recursive: true, force: true })
  }
}

onEachServer('the connection option', (server) => {
  const given = (more: ConnectionSettings): TenantKnexOptions['connection'] => ({
    ...urlOptions(server.url),
    ...more,
  })

  for (const [title, more] of options) {
    it(`${title} does what it does in plain Knex`, () =>
      sameAsPlain(server, values, { connection: given(more) }))
  }

  it('charset that a function gives counts for new tables too', () =>
    sameAsPlain(server, values, {
      connection: async () => ({ ...urlOptions(server.url), charset: 'latin1' }),
    }))

  it('connectAttributes is what the server shows', () =>
    withTenants(
      server,
      { connection: given({ connectAttributes: { program_name: 'shop' } }) },
      async ({ tenantKnex, admin }) => {
        const [[row]] = await tenantKnex('a').raw('SELECT CONNECTION_ID() AS id')
        const [attributes] = await admin.query(
          `SELECT attr_value AS name FROM performance_schema.session_connect_attrs
            WHERE processlist_id = ? AND attr_name = 'program_name'`,
          [row.id],
        )
        const isRecorded = server.name === 'MySQL' // MariaDB starts without its performance schema
        expect(attributes).to.deep.equal(isRecorded ? [{ name: 'shop' }] : [])
      },
    ))

  it('debug lets mysql2 log what it does', async () => {
    const logged: unknown[] = []
    const { log, trace } = console
    Object.assign(console, { log: (text: unknown) => logged.push(text), trace: () => undefined })
    try {
      const connection = { ...urlOptions(server.url), debug: true }
      await withTenants(server, { connection, pool: { max: 1 } }, async ({ tenantKnex }) => {
        for (const id of ['a', 'b', 'a']) await tenantKnex(id)('items')
      })
    } finally {
      Object.assign(console, { log, trace })
    }
    expect(logged.join()).to.contain('switch')
  })

  it('socketPath is where it connects, to cancel too', () =>
    withSocket(server, (socketPath) => {
      const { user, password } = urlOptions(server.url)
      const connection = { socketPath, user, password, host: 'unreachable.invalid', port: 1 }
      return withTenants(server, { connection, pool: { max: 1 } }, async ({ tenantKnex }) => {
        for (const id of ['a', 'b', 'a', 'b']) {
          expect(await tenantKnex(id)('items').first('tenant')).to.deep.equal({ tenant: id })
        }
        const slow = tenantKnex('a').raw('SELECT SLEEP(20)').timeout(50, { cancel: true })
        expect((await slow.catch((error) => error)).name).to.equal('KnexTimeoutError')
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      })
    }))
})
