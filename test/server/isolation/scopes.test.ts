import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { expect } from 'chai'
import type { TenantKnex } from '../../../src/index.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  tenantInScope,
  until,
  urlOptions,
} from '../../support/tenants.ts'
import { ask, onOneConnection, prepare, promised, type RawLease, withLease } from './support.ts'

/** What a test on a raw connection of tenant b has. */
interface Use {
  readonly tenantKnex: TenantKnex
  readonly lease: RawLease
  /** Notes the tenant in scope where it is called. */
  readonly note: () => void
  readonly kill: () => Promise<unknown>
}

/** The connection has been made in the scope of tenant a, and is used in that of tenant b. */
function inScopeOfB(
  server: TestServer,
  test: (use: Use) => Promise<void>,
  { expected = ['b'], ...options }: { expected?: string[]; connection?: object } = {},
): Promise<void> {
  const run: Parameters<typeof onOneConnection>[1] = async ({ tenantKnex, admin }) => {
    const seen = new Set<string>()
    const note = () => void seen.add(tenantInScope(tenantKnex))
    await tenantKnex.run('a', (a) => a('items'))
    await tenantKnex.run('b', async () => {
      await withLease(tenantKnex, 'b', async (lease) => {
        // MySQL forgets a KILL that arrives while it resets the session: the reset must be over.
        await ask(lease, 'DO 0')
        const kill = () => admin.query(`KILL CONNECTION ${lease.threadId}`)
        await test({ tenantKnex, lease, note, kill })
      })
    })
    expect([...seen]).to.deep.equal(expected)
  }
  return onOneConnection(server, run, options)
}

/** Ways to lose a connection that is at work. */
const LOSSES: Readonly<Record<string, (use: Use) => unknown>> = {
  'the server ends the connection': ({ kill }) => kill(),
  'its holder closes it': ({ lease }) => lease.destroy(),
  'another’s scope closes it': ({ tenantKnex, lease }) =>
    tenantKnex.run('a', () => lease.destroy()),
}

/** More than a socket takes at once: what is left of it fails later, in the scope of the write. */
const LONG = 'x'.repeat(2_000_000)

/** What some drivers of tunnels give: it is closed in the scope of whoever closes it. */
class Tunnel extends Duplex {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    socket.on('data', (data) => this.push(data)).on('close', () => this.destroy())
  }

  override _read(): void {}

  override _write(data: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.#socket.write(data, done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}

function throughTunnel({ url }: TestServer): object {
  const { host, port, ...options } = urlOptions(url)
  return { ...options, stream: () => new Tunnel(connect(port, host)) }
}

/**
 * A socket's events come in the asynchronous scope that the socket was made in: of whichever tenant
 * needed a connection then. What user code is told from there must not be in that tenant's scope.
 */
onEachServer('the tenant in scope where user code is told of an answer', (server) => {
  const SQL = 'SELECT * FROM items'

  it('is the one that asked: in the events of a Knex stream', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await tenantKnex.run('a', (a) => a('items'))
      await tenantKnex.run('b', async () => {
        const copies: PromiseLike<unknown>[] = []
        const copy = (item: { tenant: string }) => {
          copies.push(tenantKnex.ambient('items').insert({ tenant: `${item.tenant}!`, val: 1 }))
        }
        await new Promise((resolve, reject) => {
          const stream = tenantKnex.ambient('items').stream()
          stream.on('data', copy).on('end', resolve).on('error', reject)
        })
        await Promise.all(copies)
      })
      expect(await tenantKnex('a')('items').where({ val: 1 })).to.deep.equal([])
      expect(await tenantKnex('b')('items').where({ val: 1 }).pluck('tenant')).to.deep.equal(
        Array(5).fill('b!'),
      )
    }))

  for (const method of ['query', 'execute'] as const) {
    it(`is the one that asked: in a callback, also of an error, by ${method}`, () =>
      inScopeOfB(server, async ({ lease, note }) => {
        for (const sql of [SQL, 'SELECT * FROM missing']) {
          await new Promise<void>((resolve) => {
            lease[method](sql, () => {
              note()
              resolve()
            })
          })
        }
      }))

    it(`is the one that asked: in the events of a command and its stream, by ${method}`, () =>
      inScopeOfB(server, async ({ lease, note }) => {
        for (const sql of [SQL, 'SELECT * FROM missing']) {
          const command = lease[method](sql)
          for (const event of ['fields', 'result', 'error', 'end']) command.on(event, note)
          const stream = command.stream()
          for (const event of ['data', 'error', 'end']) stream.on(event, note)
          await new Promise((resolve) => stream.on('close', resolve))
        }
      }))

    it(`is the one that asked: in a listener beside a callback, by ${method}`, () =>
      inScopeOfB(server, async ({ lease, note }) => {
        await new Promise<unknown>((resolve) => {
          const command = lease[method](SQL, resolve) as EventEmitter
          command.on('fields', note)
        })
      }))

    it(`is the one that asked: in a typeCast, by ${method}`, () =>
      inScopeOfB(server, async ({ lease, note }) => {
        const typeCast = (_: unknown, next: () => unknown) => {
          note()
          return next()
        }
        await new Promise((resolve) => lease[method]({ sql: SQL, typeCast }, resolve))
      }))
  }

  it('is the one that asked: where a stream’s connection is lost', () =>
    inScopeOfB(server, async ({ lease, note, kill }) => {
      const stream = lease.query('SELECT SLEEP(9) FROM items').stream()
      const ended = new Promise((resolve) => stream.on('close', resolve))
      stream.on('error', note).resume()
      await kill()
      await ended
    }))

  // mysql2 calls those that run or wait by itself: in the scope of the socket, of a write that
  // failed, or of whoever has closed the connection.
  for (const [how, lose] of Object.entries(LOSSES)) {
    it(`is the one that asked: in callbacks, where ${how}`, () =>
      inScopeOfB(server, async (use) => {
        const { lease, note } = use
        const prepared = await prepare(lease, 'SELECT SLEEP(9)')
        const calls: ((callback: () => void) => unknown)[] = [
          (callback) => lease.query(`SELECT SLEEP(9), '${LONG}'`, callback),
          (callback) => lease.execute('SELECT 1', callback),
          (callback) => prepared.execute([], callback),
          (callback) => lease.ping(callback),
        ]
        const told = calls.map((call) => promised((done) => call(() => done(null, note()))))
        await lose(use)
        await Promise.all(told)
      }))

    it(`is none in listeners of a connection, where ${how}`, () =>
      inScopeOfB(
        server,
        async (use) => {
          const { lease, note } = use
          const heard = ['error', 'end'].map((event) =>
            promised((done) => lease.on(event, () => done(null, note()))),
          )
          lease.query('SELECT SLEEP(9)', () => undefined)
          await lose(use)
          await Promise.all(heard)
        },
        { expected: ['ERR_NO_TENANT'], connection: throughTunnel(server) },
      ))
  }

  it('is the one that asked: in a callback, where another’s scope destroys all', () =>
    inScopeOfB(server, async ({ tenantKnex, lease, note }) => {
      const told = promised((done) => lease.query('SELECT SLEEP(9)', () => done(null, note())))
      await tenantKnex.run('a', () => tenantKnex.destroy({ timeoutMillis: 10 }))
      await told
    }))

  it('is none where a connection is made, as it will serve all', () => {
    const seen: string[] = []
    let current: () => string = () => 'not yet'
    const connection = async () => {
      seen.push(current())
      return urlOptions(server.url)
    }
    return onOneConnection(
      server,
      async ({ tenantKnex }) => {
        current = () => tenantInScope(tenantKnex)
        await tenantKnex.run('a', (a) => a('items'))
        expect(seen).to.deep.equal(['ERR_NO_TENANT'])
        const outside = await rejection((async () => tenantKnex.ambient('items'))())
        expect(outside).to.have.property('code', 'ERR_NO_TENANT')
      },
      { connection },
    )
  })

  it('is none where the pool closes a connection, whoever made it do so', () =>
    onOneConnection(
      server,
      async ({ tenantKnex }) => {
        const seen: string[] = []
        const note = () => void seen.push(tenantInScope(tenantKnex))
        subscribe('tenant-knex:discard', note)
        try {
          // The pool's look for idle connections begins in the first one's scope.
          await tenantKnex.run('a', (a) => a('items'))
          await tenantKnex.run('b', (b) => b('items'))
          await until('it is closed', () => tenantKnex.connections().length === 0)
        } finally {
          unsubscribe('tenant-knex:discard', note)
        }
        expect([...new Set(seen)]).to.deep.equal(['ERR_NO_TENANT'])
      },
      { pool: { max: 1, idleTimeoutMillis: 50, reapIntervalMillis: 10 } },
    ))
})
