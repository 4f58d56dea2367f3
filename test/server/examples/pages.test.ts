import { expect } from 'chai'
import { until } from '../../support/tenants.ts'
import { describeServers } from './support/example-suite.ts'
import { type Answer, send } from './support/http.ts'

/** What only one tenant has. */
const OWN = { acme: 'Rocket skates', globex: 'Hammocks' } as const
type TenantId = keyof typeof OWN

describe('examples with a page', () => {
  describeServers(['koa', 'hapi'], (_name, example) => {
    const open = (tenant: string, path = '/'): Promise<Answer> =>
      send({ port: example().port, host: `${tenant}.localhost`, path })
    const submit = (tenant: string, path: string, form: Record<string, string> = {}) =>
      send({
        port: example().port,
        host: `${tenant}.localhost`,
        path,
        body: new URLSearchParams(form),
      })
    const untilHit = (tenant: string): Promise<void> =>
      until(`a hit of ${tenant}`, async () => (await open(tenant)).headers['x-cache'] === 'hit')

    it('shows each tenant its own notes, to many at once', async () => {
      const tenants = Array.from({ length: 40 }, (_, n): TenantId => (n % 3 ? 'acme' : 'globex'))
      const pages = await Promise.all(tenants.map((tenant) => open(tenant)))
      for (const [index, tenant] of tenants.entries()) {
        const other = tenant === 'acme' ? 'globex' : 'acme'
        expect(pages[index]?.status).to.equal(200)
        expect(pages[index]?.text).to.include(OWN[tenant]).and.not.include(OWN[other])
        expect(pages[index]?.text).to.include(`${example().prefix}${tenant}`)
      }
    })

    it('has links to the other tenants', async () => {
      const { text } = await open('acme')
      expect(text).to.include(`href="//globex.localhost:${example().port}/"`)
    })

    it('keeps a note for its tenant alone, escapes it, and goes back to the page', async () => {
      const note = `<b>"Beep" & 'beep'</b>`
      const answer = await submit('acme', '/notes', { text: note })
      expect(answer.status).to.equal(303)
      expect(answer.headers.location).to.equal('/')
      expect((await open('acme')).text).to.include(
        '&lt;b&gt;&quot;Beep&quot; &amp; &#39;beep&#39;&lt;/b&gt;',
      )
      expect((await open('globex')).text).to.not.include('beep')
    })

    it("reads through the tenant's own cache, which a note and a click make empty", async () => {
      await untilHit('acme')
      await untilHit('globex')
      expect((await open('acme')).text).to.include('>hit<')

      await submit('acme', '/notes', { text: 'Anvils' })
      const page = await open('acme')
      expect(page.headers['x-cache']).to.equal('miss')
      expect(page.text).to.include('Anvils').and.include('>miss<')
      await untilHit('acme')

      expect((await submit('acme', '/cache/clear')).status).to.equal(303)
      expect((await open('acme')).headers['x-cache']).to.equal('miss')
      expect((await open('globex')).headers['x-cache']).to.equal('hit')
    })

    it('answers 404 with a page for hosts that are no tenant’s', async () => {
      for (const host of ['nobody.localhost', 'localhost', 'acme.localhost.evil.net']) {
        const { status, text, headers } = await send({ port: example().port, host })
        expect(status).to.equal(404)
        expect(headers['content-type']).to.include('text/html')
        expect(text).to.include('No such tenant').and.include(`<code>${host}</code>`)
      }
    })

    it('answers 404 for other paths', async () => {
      expect((await open('acme', '/nothing')).status).to.equal(404)
    })
  })
})
