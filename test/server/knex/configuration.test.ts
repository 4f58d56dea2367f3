import { expect } from 'chai'
import type { Knex } from 'knex'
import { onEachServer, rejection, withTenants } from '../../support/tenants.ts'
import { sameAsPlain } from './same-as-plain.ts'

const EVENTS = ['start', 'query', 'query-response', 'query-error'] as const

/** Everything that is emitted, in its order, without ids that differ. */
function listen(emitter: Knex): unknown[] {
  const heard: unknown[] = []
  emitter.on('start', (builder) => heard.push(['start', typeof builder.toSQL]))
  emitter.on('query', (data) =>
    heard.push(['query', data.sql, data.bindings, data.method, Object.keys(data).sort()]),
  )
  emitter.on('query-response', (response, data, builder) =>
    heard.push(['query-response', response, data.sql, typeof builder]),
  )
  emitter.on('query-error', (error, data) => heard.push(['query-error', error.code, data.sql]))
  return heard
}

onEachServer('events of a bound Knex', (server) => {
  it('are those of plain Knex, for queries, errors, raw statements and schema', () =>
    sameAsPlain(server, async (knex) => {
      const heard = listen(knex)
      await knex('items').where({ id: 1 })
      await rejection(knex('missing').where({ id: 1 }))
      await knex.raw('SELECT ? AS one', [1])
      await knex.schema.hasTable('items')
      return heard
    }))

  it('are those of plain Knex in transactions, on the Knex and on the transaction', () =>
    sameAsPlain(server, async (knex) => {
      const heard = listen(knex)
      const heardInside = await knex.transaction(async (trx) => {
        const inside = listen(trx)
        await trx('items').where({ id: 1 })
        await rejection(trx('missing'))
        await trx.transaction((inner) => inner('items').count())
        return inside
      })
      return [heard, heardInside]
    }))

  it('are those of plain Knex on a builder, on streams, and on a copy with userParams', () =>
    sameAsPlain(server, async (knex) => {
      const heard = listen(knex)
      const own: string[] = []
      await knex('items')
        .where({ id: 1 })
        .on('query', ({ sql }: { sql: string }) => own.push(sql))
      for await (const row of knex('items').where({ id: 2 }).stream()) heard.push(row)
      await knex.withUserParams({ copy: true })('items').where({ id: 3 })
      return [heard, own]
    }))

  it('reach a listener once, and no more once it is removed', () =>
    sameAsPlain(server, async (knex) => {
      const heard: string[] = []
      const listener = ({ sql }: { sql: string }) => heard.push(sql)
      knex.once('query', () => heard.push('once'))
      knex.on('query', listener)
      await knex('items').count()
      knex.removeListener('query', listener)
      await knex('items').count()
      return [heard, EVENTS.map((event) => knex.listenerCount(event))]
    }))

  it('of each tenant are told to its own Knex and to the ambient one only', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const [a, b, all] = [tenantKnex('a'), tenantKnex('b'), tenantKnex.ambient].map(listen)
      await tenantKnex('a')('items').count()
      const before = a?.length
      await tenantKnex('b').transaction((trx) => trx('items').count())
      await rejection(tenantKnex('b')('missing'))
      expect(before).to.equal(3)
      expect(a).to.have.lengthOf(3)
      expect(all).to.deep.equal([...(a ?? []), ...(b ?? [])])
    }))
})

onEachServer('the Knex configuration of createTenantKnex', (server) => {
  it('wrapIdentifier and postProcessResponse see what plain Knex shows them', () =>
    sameAsPlain(
      server,
      async (knex) => [
        await knex('ITEMS').queryContext({ tag: 1 }).where({ ID: 1 }),
        await knex('ITEMS').first('ID', 'TENANT as WHO'),
        await knex.schema.hasTable('ITEMS'),
        await knex.transaction((trx) => trx('ITEMS').max('ID as M')),
        await knex.raw('SELECT 1 AS UNTOUCHED').then(([rows]) => rows),
      ],
      {
        wrapIdentifier: (value, wrap, context) =>
          wrap(value === '*' ? value : value.toLowerCase() + (context?.tag === 2 ? '!' : '')),
        postProcessResponse: (result, context) =>
          Array.isArray(result) && context ? { tagged: context, result } : result,
      },
    ))

  it('asyncStackTraces: an error’s stack names the line that built the query', () =>
    sameAsPlain(
      server,
      async (knex) => {
        const line = (error: Error) => error.stack?.includes('configuration.test.ts')
        const lines = [
          line(await rejection(knex('missing'))),
          line(await rejection(knex.transaction((trx) => trx('missing')))),
          line(await rejection(knex.raw('SELECT * FROM missing'))),
        ]
        expect(lines).to.deep.equal([true, true, true])
        return lines
      },
      { asyncStackTraces: true },
    ))

  it('compileSqlOnError: false keeps values out of error messages', () =>
    sameAsPlain(
      server,
      async (knex) => {
        const error = await rejection(knex('items').insert({ missing: 'secret' }))
        return [error.message, error.code]
      },
      { compileSqlOnError: false },
    ))

  it('debug and log: every statement goes to the given log', () => {
    let lines: { sql: string; bindings?: unknown[] }[] = []
    const debug = (line: (typeof lines)[0]) => void lines.push(line)
    return sameAsPlain(
      server,
      async (knex) => {
        lines = []
        await knex('items').where({ id: 2 })
        await knex('items').debug(false).where({ id: 3 })
        await knex.transaction((trx) => trx('items').count())
        // The other tenant's Knex asks for row 1 all the time, into the same log.
        return lines
          .map(({ sql, bindings }) => `${sql} ${bindings}`)
          .filter((line) => !line.endsWith('= ? 1'))
      },
      { debug: true, log: { debug } as Knex.Logger },
    )
  })

  it('userParams are carried, and copies have their own', () =>
    sameAsPlain(
      server,
      async (knex) => {
        const copy = knex.withUserParams({ b: 2 })
        return [
          knex.userParams,
          copy.userParams,
          await copy('items').count(),
          await copy.transaction(async (trx) => trx.userParams),
          copy.withUserParams({ c: 3 }).userParams,
          knex.userParams,
        ]
      },
      { userParams: { a: 1 } },
    ))

  it('userParams of one tenant are no other’s, as Knex and user code change them', () =>
    withTenants(server, { userParams: { given: 1 } }, async ({ tenantKnex }) => {
      const a = tenantKnex('a')
      Object.assign(a.userParams, { secret: 'of a' })
      expect(tenantKnex('b').userParams).to.deep.equal({ given: 1 })
      expect(await tenantKnex.run('b', () => tenantKnex.ambient.userParams)).to.have.keys('given')
      await a.transaction((trx) => trx.migrate.currentVersion())
      expect(a.userParams).to.include({ secret: 'of a', isProcessingDisabled: true })
      expect(tenantKnex('b').userParams).to.deep.equal({ given: 1 })
    }))

  it('useNullAsDefault and undefined values do what they do in plain Knex', () =>
    sameAsPlain(
      server,
      async (knex) => {
        await knex('items').insert([
          { tenant: 'mine', val: 4 },
          { id: 50, tenant: 'mine', val: 5 },
        ])
        const error = await rejection(
          (async () => knex('items').where({ id: undefined as unknown as number }))(),
        )
        return [error.message, await knex('items').orderBy('id')]
      },
      { useNullAsDefault: true },
    ))
})
