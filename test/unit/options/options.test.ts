import { expect } from 'chai'
import knex from 'knex'
import { createTenantKnex, type TenantKnexOptions } from '../../../src/index.ts'
import { DEFAULTS, resolveOptions } from '../../../src/options/options.ts'
import { thrown } from '../../support/tenants.ts'

const connection = { host: '127.0.0.1', user: 'app', password: 'secret' }

describe('options', () => {
  const invalid: [string, object, RegExp][] = [
    ['an unknown key', { connection, pools: {} }, /`pools`.*Known here/],
    ['an unknown pool key', { connection, pool: { size: 3 } }, /`pool\.size`/],
    [
      'afterCreate',
      { connection, pool: { afterCreate: () => undefined } },
      /`pool\.afterCreate` .*`session`, such as session: \["SET time_zone = '\+00:00'"\]/,
    ],
    ['another client', { connection, client: 'pg' }, /`client` must be 'mysql2', got "pg"/],
    ['no connection', {}, /`connection` must be/],
    ['a connection of the wrong type', { connection: 7 }, /`connection` must be/],
    ['a URL of another kind', { connection: 'postgres://h/' }, /mysql:\/\/ URL/],
    [
      'a fixed database',
      { connection: { ...connection, database: 'x' } },
      /`connection\.database`/,
    ],
    ['a database in the URL', { connection: 'mysql://app@h/x' }, /`connection\.database`/],
    ['a URL inside the options', { connection: { uri: 'mysql://h/x' } }, /`connection\.uri`/],
    [
      'multipleStatements asked for once',
      { connection: { ...connection, multipleStatements: true } },
      /allowMultipleStatements/,
    ],
    [
      'multiple statements by flag',
      { connection: { ...connection, flags: ['MULTI_STATEMENTS'] } },
      /allowMultipleStatements/,
    ],
    [
      'switching session tracking off',
      { connection: { ...connection, flags: ['-SESSION_TRACK'] } },
      /-SESSION_TRACK/,
    ],
    ['gbk', { connection: { ...connection, charset: 'gbk' } }, /escaped string can be broken/],
    ['a big5 collation', { connection: { ...connection, charset: 'BIG5_CHINESE_CI' } }, /utf8mb4/],
    ['sjis by number', { connection: { ...connection, charsetNumber: 13 } }, /utf8mb4/],
    [
      'utf8mb3, which mysql2 does not know',
      { connection: { ...connection, charset: 'utf8mb3' } },
      /that mysql2 knows, got "utf8mb3"/,
    ],
    [
      'a charset that is no text',
      { connection: { ...connection, charset: 7 } },
      /mysql2 knows, got 7/,
    ],
    ['a name that is no text', { connection, name: 7 }, /`name` must be a text.*got 7/],
    ['an empty name', { connection, name: '' }, /`name` must be a text/],
    ['a name that is too long', { connection, name: 'x'.repeat(129) }, /1 to 128 characters/],
    ['a name in an array', { connection, name: [() => 'secret'] }, /got an array\.$/],
    ['a name in a function', { connection, name: () => 'secret' }, /got a function\.$/],
    ['a name in an object', { connection, name: Object.create(null) }, /got an object\.$/],
    ['a name of two lines', { connection, name: 'a\nb' }, /`name` must be a text/],
    ['pool.max of 0', { connection, pool: { max: 0 } }, /`pool\.max`.* from 1 .*got 0/],
    ['pool.max of 1.5', { connection, pool: { max: 1.5 } }, /got 1\.5/],
    ['pool.min above max', { connection, pool: { min: 3, max: 2 } }, /`pool\.min`.*from 0 to 2/],
    [
      'a timeout that a timer cannot hold',
      { connection, pool: { acquireTimeoutMillis: 2 ** 31 } },
      /acquireTimeoutMillis/,
    ],
    ['switchTimeoutMillis of 0', { connection, switchTimeoutMillis: 0 }, /switchTimeoutMillis/],
    ['clean: never', { connection, clean: 'never' }, /`clean` must be one of/],
    ['a session string', { connection, session: 'SET x = 1' }, /`session` must be an array/],
    ['migrations in a string', { connection, migrations: './x' }, /`migrations` .* object/],
    ['wrapIdentifier in a string', { connection, wrapIdentifier: 'x' }, /`wrapIdentifier` .* func/],
    ['debug that is no boolean', { connection, debug: 'yes' }, /`debug` .* boolean, got "yes"/],
    ['log that is no object', { connection, log: true }, /`log` .* object, got true/],
    ['an empty session statement', { connection, session: [' '] }, /`session`/],
    [
      'a database that is no function',
      { connection, database: 'x' },
      /`database` must be a function/,
    ],
  ]
  for (const [title, options, message] of invalid) {
    it(`refuse ${title}`, () => {
      const error = thrown(() => createTenantKnex(options as TenantKnexOptions))
      expect(error.code).to.equal('ERR_OPTION_INVALID')
      expect(error.message).to.match(message)
      expect(error.message).not.to.contain('secret')
    })
  }

  it('refuse a fixed database that a connection function gives', async () => {
    const { connect } = resolveOptions({
      connection: async () => ({ ...connection, database: 'x' }) as object,
    })
    const error = await connect().catch((reason: unknown) => reason as Error & { code: string })
    expect(error).to.have.property('code', 'ERR_OPTION_INVALID')
  })

  const CONNECTIONS: [string, unknown, RegExp][] = [
    ['is missing', undefined, /undefined.*environment variable/],
    ['is empty', '', /empty.*environment variable/],
    ['is a URL of another database', 'postgres://app:secret@host/', /is a postgres:\/\/ URL/],
    ['is a URL with a # in its password', 'mysql://app:secret#1@host/', /encodeURIComponent/],
    ['is a URL with digits before that', 'mysql://app:12#secret@host/', /encodeURIComponent/],
    ['is a URL with a % in its password', 'mysql://app:secret%@host/', /encodeURIComponent/],
    ['is a URL with a % in its user name', 'mysql://a%zp:secret@host/', /encodeURIComponent/],
    ['is a URL whose escapes are not UTF-8', 'mysql://app:secret%ff@host/', /encodeURIComponent/],
    ['is a URL with a % in its path', 'mysql://app:secret@host/%', /encodeURIComponent/],
    ['is no URL', 'app:secret@host', /must be a mysql:\/\/ URL/],
  ]
  for (const [what, connection, message] of CONNECTIONS) {
    it(`say so if the connection ${what}, and show no password`, () => {
      const error = thrown(() => resolveOptions({ connection } as never))
      expect(error.code).to.equal('ERR_OPTION_INVALID')
      expect(error.message).to.match(message).and.not.include('secret')
    })
  }

  it('have defaults for everything but the connection', () => {
    const { pool, clean, session, switchTimeoutMillis } = resolveOptions({ connection })
    expect({ pool, clean, switchTimeoutMillis }).to.deep.include({
      pool: DEFAULTS.pool,
      clean: 'hand-over',
      switchTimeoutMillis: 2_000,
    })
    expect(session).to.deep.equal([])
  })

  it('take the smaller of the two names of the acquire timeout', () => {
    const resolved = resolveOptions({
      connection,
      acquireConnectionTimeout: 500,
      pool: { acquireTimeoutMillis: 700 },
    })
    expect(resolved.pool.acquireTimeoutMillis).to.equal(500)
  })

  it('switch off what a hostile server could use, unless asked for', async () => {
    const { options } = await resolveOptions({ connection }).connect()
    expect(options.flags).to.include('-LOCAL_FILES')
    const asked = await resolveOptions({ connection: { ...connection, flags: ['LOCAL_FILES'] } })
      .connect()
      .then((resolved) => resolved.options.flags)
    expect(asked).to.include('LOCAL_FILES').and.not.include('-LOCAL_FILES')
  })

  it('read a URL', async () => {
    const { options } = await resolveOptions({
      connection: 'mysql://app:p%40ss@db.example:3307/?timezone=Z',
    }).connect()
    expect(options).to.include({
      host: 'db.example',
      port: 3307,
      user: 'app',
      password: 'p@ss',
      timezone: 'Z',
    })
  })

  it('include a password that Knex has hidden', async () => {
    const plain = knex({ client: 'mysql2', connection })
    const { options } = await resolveOptions({
      connection: plain.client.connectionSettings,
    }).connect()
    expect(options).to.include(connection)
  })

  it('are not changed by us, nor by later changes of theirs', () => {
    const pool = { max: 3 }
    const options = { connection, pool }
    const resolved = resolveOptions(options)
    pool.max = 99
    expect(resolved.pool.max).to.equal(3)
    expect(options).to.deep.equal({ connection, pool: { max: 99 } })
  })
})
