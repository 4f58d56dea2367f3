import { expect } from 'chai'
import { describeServers } from './support/example-suite.ts'
import { type Answer, send } from './support/http.ts'

const FIRST = {
  acme: 'Rocket skates: order a second pair',
  globex: 'Hammocks for the whole department',
} as const
type TenantId = keyof typeof FIRST

describe('examples with JSON', () => {
  describeServers(['express', 'fastify', 'nestjs', 'hono'], (name, example) => {
    const ask = (tenant: string, path: string, body?: object): Promise<Answer> => {
      const { port } = example()
      if (name === 'fastify')
        return send({ port, path: `/${tenant}${path}`, ...(body && { body }) })
      return send({ port, host: `${tenant}.localhost`, path, ...(body && { body }) })
    }
    const json = async (tenant: string, path: string) => JSON.parse((await ask(tenant, path)).text)

    it('gives each tenant its own notes, to many at once', async () => {
      const tenants = Array.from({ length: 40 }, (_, n): TenantId => (n % 3 ? 'acme' : 'globex'))
      const answers = await Promise.all(tenants.map((tenant) => json(tenant, '/notes')))
      for (const [index, tenant] of tenants.entries()) {
        expect(answers[index].tenant).to.equal(tenant)
        expect(answers[index].notes[0].text).to.equal(FIRST[tenant])
      }
    })

    it("counts through the tenant's own cache, and keeps a note for its tenant alone", async () => {
      for (const tenant of ['acme', 'globex']) await ask(tenant, '/notes/count')
      const before = {
        acme: await json('acme', '/notes/count'),
        globex: await json('globex', '/notes/count'),
      }
      expect(before.acme.source).to.equal('cache')

      const answer = await ask('acme', '/notes', { text: 'Anvils' })
      expect(answer.status).to.equal(201)
      const { id } = JSON.parse(answer.text)
      expect((await json('acme', '/notes')).notes.at(-1)).to.include({ id, text: 'Anvils' })

      const count = before.acme.count + 1
      expect(await json('acme', '/notes/count')).to.deep.equal({ count, source: 'database' })
      expect(await json('acme', '/notes/count')).to.deep.equal({ count, source: 'cache' })
      expect(await json('globex', '/notes/count')).to.deep.equal(before.globex)
    })

    it('refuses a note without a text, or with too long a one', async () => {
      const before = await json('acme', '/notes')
      for (const body of [{}, { text: '' }, { text: ' \t' }, { text: 'x'.repeat(201) }]) {
        expect((await ask('acme', '/notes', body)).status).to.equal(400)
      }
      expect(await json('acme', '/notes')).to.deep.equal(before)
    })

    it('answers 404 for tenants that there are not', async () => {
      const answer = await ask('nobody', '/notes')
      expect(answer.status).to.equal(404)
      expect(answer.text).to.include('There is no such tenant.')
    })

    it('has a health check that needs no tenant', async () => {
      const { status, text } = await send({ port: example().port, path: '/health' })
      expect(status).to.equal(200)
      expect(text).to.equal('{"status":"ok"}')
    })

    if (name === 'express') {
      it('takes the tenant from a header where the host names none', async () => {
        const headers = { 'x-tenant': 'globex' }
        const answer = await send({ port: example().port, path: '/notes', headers })
        expect(JSON.parse(answer.text).tenant).to.equal('globex')
      })
    }
  })
})
