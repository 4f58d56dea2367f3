import { expect } from 'chai'
import type { Knex } from 'knex'
import { createTenantKnex } from '../../../src/index.ts'
import { onEachServer, rejection, withTenants } from '../../support/tenants.ts'

const EVENTS = ['start', 'query', 'query-response', 'query-error'] as const

/** Notes each event of a Knex with the tenant it tells. */
function note(knex: Knex): string[] {
  const noted: string[] = []
  for (const event of EVENTS) {
    knex.on(event, (...args: unknown[]) => {
      const { id } = args.at(-1) as { id: string }
      noted.push(`${event} ${id}`)
    })
  }
  return noted
}

onEachServer('events', (server) => {
  it('are heard on the tenant’s Knex, and of all tenants on the ambient one, with the tenant', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const ofA = note(tenantKnex('a'))
      const ofAll = note(tenantKnex.ambient)
      await tenantKnex('a')('items').first()
      await rejection(tenantKnex('b')('nothing'))
      await tenantKnex.run('c', () => tenantKnex.ambient('items').first())
      expect(ofA).to.deep.equal(['start a', 'query a', 'query-response a'])
      expect(ofAll).to.deep.equal([
        ...['start a', 'query a', 'query-response a'],
        ...['start b', 'query b', 'query-error b'],
        ...['start c', 'query c', 'query-response c'],
      ])
    }))

  it('of a transaction are heard there too, savepoints included', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const ofA = note(tenantKnex('a'))
      const ofAll = note(tenantKnex.ambient)
      await tenantKnex('a').transaction((trx) => trx.transaction((inner) => inner('items')))
      expect(ofA.filter((line) => line === 'query a')).to.have.lengthOf(5)
      expect(ofAll).to.deep.equal(ofA)
    }))
})

onEachServer('a copy of a bound Knex', (server) => {
  it('is still its tenant’s when the bound Knex itself has been collected', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const copy = tenantKnex('a').withUserParams({})
      const mark = (() => new WeakRef(tenantKnex('a')))()
      for (let other = 0; other < 1_001; other++) tenantKnex(`other${other}`) // fills the LRU
      await new Promise((resolve) => setImmediate(resolve))
      globalThis.gc?.()
      expect(mark.deref()).to.equal(undefined)
      const trx = await tenantKnex('a').transaction()
      expect(await copy('items').transacting(trx).first('tenant')).to.deep.equal({ tenant: 'a' })
      await trx.commit()
      expect(copy.tenant).to.equal(tenantKnex('a').tenant)
    }))
})

describe('a bound Knex', () => {
  it('says that an event was heard, whoever listens', async () => {
    const tenantKnex = createTenantKnex({ connection: {} })
    const bound = tenantKnex('a')
    const { client } = bound
    const listener = () => undefined
    for (const emitter of [bound, tenantKnex.ambient, client]) {
      expect(client.emit('told')).to.equal(false)
      emitter.on('told', listener)
      expect(client.emit('told')).to.equal(true)
      emitter.off('told', listener)
    }
    await tenantKnex.destroy()
  })

  it('with listeners is kept although nobody holds it; without, it is not', async () => {
    const tenantKnex = createTenantKnex({ connection: {} })
    const marks = new Map<string, WeakRef<object>>()
    const listen = (id: string, listener?: () => void) => {
      const bound = tenantKnex(id)
      marks.set(id, new WeakRef(bound))
      if (listener) bound.on('query', listener)
      if (id === 'removed' && listener) bound.off('query', listener)
      if (id === 'copied') bound.withUserParams({}).on('query', () => undefined)
    }
    listen('heard', () => undefined)
    listen('unheard')
    listen('removed', () => undefined)
    listen('copied')
    for (let other = 0; other < 1_001; other++) tenantKnex(`other${other}`) // fills the LRU
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc?.()
    const alive = [...marks].filter(([, mark]) => mark.deref()).map(([id]) => id)
    expect(alive).to.deep.equal(['heard'])
    expect(tenantKnex('heard').listenerCount('query')).to.equal(1)
    await tenantKnex.destroy()
  })
})
