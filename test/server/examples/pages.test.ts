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

    it('refuses an empty note, says so beside the field, and keeps what was typed', async () => {
      for (const typed of ['', '   ', '\t']) {
        const { status, headers, text } = await submit('acme', '/notes', { text: typed })
        expect(status).to.equal(422)
        expect(headers['content-type']).to.include('text/html')
        expect(text).to.match(/<p class="problem" id="problem">This note is empty, [^<]*<\/p>/)
        const [field = ''] = text.match(/<input id="text"[^>]*>/) ?? []
        expect(field).to.include('aria-invalid="true"').and.include('aria-describedby="problem"')
        expect(field).to.include(`value="${typed}"`)
      }
      expect((await submit('acme', '/notes')).status).to.equal(422)
      expect((await open('acme')).text).to.not.include('class="problem"')
    })

    it('refuses a note that is too long, and does not cut it', async () => {
      const typed = `"<${'x'.repeat(199)}`
      const { status, text } = await submit('acme', '/notes', { text: typed })
      expect(status).to.equal(422)
      expect(text).to.include('This note has 201 characters, so it was not kept. 200 are allowed.')
      expect(text).to.include(`value="&quot;&lt;${'x'.repeat(199)}"`)
      await submit('acme', '/cache/clear')
      expect((await open('acme')).text).to.not.include('xxx')
      expect((await submit('acme', '/notes', { text: typed.slice(1) })).status).to.equal(303)
      expect((await open('acme')).text).to.include('xxx')
    })

    it('has a dark mode', async () => {
      for (const tenant of ['acme', 'nobody']) {
        expect((await open(tenant)).text).to.include('@media (prefers-color-scheme: dark)')
      }
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
