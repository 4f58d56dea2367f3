import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import { expect } from 'chai'
import type { TenantKnex } from '../../src/index.ts'
import { onEachServer, rejection, type TestServer, until, urlOptions } from '../support/tenants.ts'
import { onOneConnection, type RawLease, withLease } from './support.ts'

/** The tenant in scope, or the code of the error where there is none. */
function inScope(tenantKnex: TenantKnex): string {
  try {
    return tenantKnex.current().tenant.id
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** The connection has been made in the scope of tenant a, and is used in that of tenant b. */
function inScopeOfB(
  server: TestServer,
  test: (use: {
    tenantKnex: TenantKnex
    lease: RawLease
    /** Notes the tenant in scope where it is called. */
    note: () => void
    kill: () => Promise<unknown>
  }) => Promise<void>,
  expected: string[] = ['b'],
): Promise<void> {
  return onOneConnection(server, async ({ tenantKnex, admin }) => {
    const seen = new Set<string>()
    const note = () => void seen.add(inScope(tenantKnex))
    await tenantKnex.run('a', (a) => a('items'))
    await tenantKnex.run('b', async () => {
      await withLease(tenantKnex, 'b', async (lease) => {
        const kill = () => admin.query(`KILL CONNECTION ${lease.threadId}`)
        await test({ tenantKnex, lease, note, kill })
      })
    })
    expect([...seen]).to.deep.equal(expected)
  })
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

  it('is none where mysql2 tells by itself that the connection was lost', () =>
    inScopeOfB(
      server,
      async ({ lease, note, kill }) => {
        lease.on('error', note)
        const lost = new Promise<void>((resolve) => {
          lease.query('SELECT SLEEP(9)', () => {
            note()
            resolve()
          })
        })
        await kill()
        await lost
      },
      ['ERR_NO_TENANT'],
    ))

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
        current = () => inScope(tenantKnex)
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
        const note = () => void seen.push(inScope(tenantKnex))
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
