import { expect } from 'chai'
import type { Knex } from 'knex'
import type { TenantKnex } from '../../../src/index.ts'
import { onEachServer, rejection, thrown, urlOptions } from '../../support/tenants.ts'
import {
  acquire,
  ask,
  expectReleased,
  expectUntouched,
  onOneConnection,
  prepare,
  promised,
  type RawLease,
  release,
  runAs,
  tenantsRead,
  withLease,
} from './support.ts'

const READ = 'SELECT DISTINCT tenant FROM items'

onEachServer('a raw connection', (server) => {
  describe('wherever user code got it', () => {
    /** Ends with the connection kept, after whatever held it has given it back. */
    type Way = (knex: Knex, tenantKnex: TenantKnex) => Promise<RawLease>
    const ways: [string, Way][] = [
      [
        'client.acquireConnection()',
        async ({ client }) => {
          const lease = await client.acquireConnection()
          await client.releaseConnection(lease)
          return lease
        },
      ],
      [
        'a transaction’s client',
        (knex) => knex.transaction(async (trx) => trx.client.acquireConnection()),
      ],
      [
        'a nested transaction’s client',
        (knex) =>
          knex.transaction((trx) => trx.transaction(async (sp) => sp.client.acquireConnection())),
      ],
      [
        'a transaction’s client in a listener',
        async (knex) => {
          let kept: Promise<RawLease> | undefined
          await knex.transaction(async (trx) => {
            trx.on('query', () => {
              kept = trx.client.acquireConnection()
            })
            await trx('items')
          })
          return (await kept) as RawLease
        },
      ],
      [
        'a listener of the builder’s start',
        async (knex) => {
          let acquired: Promise<RawLease> | undefined
          knex.once('start', ({ client }) => {
            acquired = client.acquireConnection()
          })
          await knex('items')
          const lease = (await acquired) as RawLease
          await knex.client.releaseConnection(lease)
          return lease
        },
      ],
    ]
    for (const [title, way] of ways) {
      it(`is over once it was given back: ${title}`, () =>
        onOneConnection(server, async ({ tenantKnex }) => {
          const kept = await way(tenantKnex('a'), tenantKnex)
          await expectReleased(ask(kept, READ))
          await withLease(tenantKnex, 'b', async (present) => {
            await ask(present, READ)
            await expectReleased(ask(kept, READ))
            await expectReleased(ask(kept, READ, 'execute'))
          })
          await expectUntouched(tenantKnex)
        }))
    }

    it('switches for its tenant alone: .connection() of another one is refused', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await withLease(tenantKnex, 'a', async (lease) => {
          expect(
            await tenantKnex('a')('items')
              .distinct('tenant')
              .connection(lease as never),
          ).to.deep.equal([{ tenant: 'a' }])
          const own = thrown(() => tenantKnex('b')('items').connection(lease as never))
          expect(own).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
          for (const use of [
            () => tenantKnex('b')('items').connection(lease as never),
            () => tenantKnex('b').client.query(lease, READ),
            () => tenantKnex('b').client.cancelQuery(lease),
          ]) {
            const error = await rejection((async () => use())())
            expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
          }
        })
      }))

    it('is never one without a gate', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await tenantsRead(tenantKnex, 'a')
        const { client } = tenantKnex('a')
        const refused = await rejection(client.acquireRawConnection())
        expect(refused).to.have.property('code', 'ERR_STATEMENT_REFUSED')
        expect(client.pool.acquire).to.equal(undefined)
      }))

    it('is refused where it is the driver’s own behind a handle; behind a command there is a lease', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const behind: RawLease[] = []
        await withLease(tenantKnex, 'a', async (lease) => {
          for (const method of ['query', 'execute'] as const) {
            await promised((done) => {
              const command = lease[method](READ, (error) => {
                expect(driverOf(command)).to.equal(lease)
                const { statement } = command as { statement?: object }
                if (statement) behind.push(driverOf(statement))
                done(error, undefined)
              })
            })
          }
          behind.push(driverOf(Object.getPrototypeOf(await prepare(lease, READ))))
          lease.unprepare('SELECT 1')
        })
        expect(behind).to.have.lengthOf(2)
        for (const connection of behind) {
          await withLease(tenantKnex, 'b', async (present) => {
            await ask(present, READ)
            for (const attempt of [
              ask(connection, READ),
              ask(connection, READ, 'execute'),
              prepare(connection, READ),
              promised((done) => connection.reset(done)),
              promised((done) => connection.changeUser({}, done)),
            ]) {
              expect(await rejection(attempt)).to.have.property('code', 'ERR_WRONG_TENANT')
            }
            expect(await ask(present, READ)).to.deep.equal([{ tenant: 'b' }])
          })
        }
      }))
  })

  describe('held by a tenant', () => {
    it('does not let its tenant be changed', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await withLease(tenantKnex, 'a', async (lease) => {
          const change = () => Object.assign(lease, { tenant: tenantKnex('b').tenant })
          expect(thrown(change)).to.be.instanceOf(TypeError)
          expect(thrown(() => Object.assign(tenantKnex('a').tenant, { database: 'x' }))).to.be.an(
            'error',
          )
          expect(await ask(lease, READ)).to.deep.equal([{ tenant: 'a' }])
        })
      }))

    it('does not let the driver’s settings be changed, which the next one would have', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const seen: unknown[] = []
        const changes = {
          queryFormat: (sql: string, values: unknown) => seen.push(sql, values) && READ,
          typeCast: (_: unknown, next: () => unknown) => seen.push(next()),
          charsetNumber: 28,
          rowsAsArray: true,
        }
        await withLease(tenantKnex, 'a', async (lease) => {
          expect(lease.config).to.include({ port: Number(new URL(server.url).port) })
          expect(Object.keys(lease.config)).to.not.include('password')
          for (const [name, value] of Object.entries(changes)) {
            const change = () => Object.assign(lease.config, { [name]: value })
            expect(thrown(change), name).to.be.instanceOf(TypeError)
          }
        })
        await withLease(tenantKnex, 'b', async (lease) => {
          const sql = 'SELECT ? AS text'
          expect(await ask(lease, { sql, values: ['乗'] })).to.deep.equal([{ text: '乗' }])
        })
        expect(seen).to.deep.equal([])
      }))

    it('does not let what is inside of those settings be changed', () => {
      const connection = {
        ...urlOptions(server.url),
        dateStrings: ['DATE' as const],
        connectAttributes: { program_name: 'shop' },
      }
      return onOneConnection(
        server,
        async ({ tenantKnex }) => {
          await withLease(tenantKnex, 'a', async ({ config }) => {
            const { dateStrings, connectAttributes } = config as {
              dateStrings: string[]
              connectAttributes: object
            }
            for (const change of [
              () => dateStrings.push('DATETIME'),
              () => Object.assign(connectAttributes, { program_name: 'x' }),
            ]) {
              expect(thrown(change)).to.be.instanceOf(TypeError)
            }
          })
          await withLease(tenantKnex, 'b', async (lease) => {
            const [row] = await ask(lease, "SELECT TIMESTAMP '2024-02-29 12:00:00' AS moment")
            expect(row?.moment).to.be.instanceOf(Date)
          })
        },
        { connection },
      )
    })

    it('has a promise flavour whose every method is its own', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await withLease(tenantKnex, 'a', async (lease) => {
          const flavour = lease.promise()
          expect((await flavour.query(READ))[0]).to.deep.equal([{ tenant: 'a' }])
          const statement = await flavour.prepare(READ)
          expect((await statement.execute([]))[0]).to.deep.equal([{ tenant: 'a' }])
          expect(flavour.format('SELECT ?', ["it's"])).to.equal("SELECT 'it\\'s'")
          flavour.pause()
          flavour.resume()
          expect(await flavour.ping()).to.equal(true)
          flavour.destroy()
          expect(await rejection(flavour.query(READ))).to.include({
            code: 'ERR_CONNECTION_CLOSED',
            outcome: 'not-sent',
          })
        })
        expect(await tenantsRead(tenantKnex, 'b')).to.deep.equal(['b'])
      }))
  })

  describe('whose typeCast keeps what it was given', () => {
    const kinds: [string, (field: Field, next: () => unknown) => () => unknown][] = [
      ['the function that reads on', (_, next) => next],
      ['the field', (field) => () => field.string('utf8')],
    ]
    for (const [kind, keep] of kinds) {
      for (const method of ['query', 'execute'] as const) {
        it(`shows nothing of another tenant’s rows there: ${kind}, by ${method}`, () =>
          onOneConnection(server, async ({ tenantKnex }) => {
            let read = (): unknown => undefined
            const keeping = (field: Field, next: () => unknown) => {
              read = keep(field, next)
              return next()
            }
            await withLease(tenantKnex, 'a', (lease) =>
              ask(lease, { sql: "SELECT 'mine' AS text", typeCast: keeping }, method),
            )
            const seen: unknown[] = []
            const looking = (_: Field, next: () => unknown) => {
              seen.push(read())
              return next()
            }
            await withLease(tenantKnex, 'b', async (lease) => {
              const sql = "SELECT 'a secret' AS text, 'another secret' AS more"
              expect(await ask(lease, { sql, typeCast: looking }, method)).to.deep.equal([
                { text: 'a secret', more: 'another secret' },
              ])
              seen.push(read())
            })
            expect(seen).to.have.lengthOf(3)
            expect(JSON.stringify(seen)).not.to.contain('secret')
          }))
      }
    }
  })

  it('tells each of two streams that it was lost, although a listener of the first throws', () =>
    onOneConnection(server, async ({ tenantKnex, admin }) => {
      const thrownBy = new Error('The first one’s listener throws.')
      const uncaught = await uncaughtDuring(() =>
        withLease(tenantKnex, 'a', async (lease) => {
          const [first, second] = [lease.query('SELECT SLEEP(9)'), lease.query('SELECT 2')]
          first.on('error', () => {
            throw thrownBy
          })
          const heard = new Promise((resolve) => second.on('error', resolve))
          await admin.query(`KILL CONNECTION ${lease.threadId}`)
          expect(await heard).to.have.property('code', 'PROTOCOL_CONNECTION_LOST')
        }),
      )
      expect(uncaught).to.deep.equal([thrownBy])
    }))

  it('is used in its tenant’s name by what is queued on it, whoever holds another one', () =>
    onOneConnection(
      server,
      async ({ tenantKnex }) => {
        await Promise.all(
          ['a', 'b', 'c', 'a', 'b', 'c'].map(async (id) => {
            const lease = await acquire(tenantKnex, id)
            const queued = [ask(lease, READ), ask(lease, READ, 'execute'), ask(lease, READ)]
            await release(tenantKnex, id, lease)
            for (const rows of await Promise.all(queued)) {
              expect(rows).to.deep.equal([{ tenant: id }])
            }
            await runAs(tenantKnex, id, [READ])
          }),
        )
      },
      { pool: { max: 2 } },
    ))
})

/** What mysql2 shows a `typeCast`. */
interface Field {
  string(encoding?: string): unknown
}

/** mysql2's own connection, which its objects have under a name of their own. */
function driverOf(object: unknown): RawLease {
  return (object as { _connection: RawLease })._connection
}

/** Runs a function and gives what was thrown meanwhile where nobody could catch it. */
async function uncaughtDuring(fn: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const note = (error: unknown) => void uncaught.push(error)
  const others = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', note)
  try {
    await fn()
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  }
  return uncaught
}
