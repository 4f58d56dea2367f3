import { expect } from 'chai'
import { describeServers } from './support/example-suite.ts'
import { type Answer, send } from './support/http.ts'

const QUERY = '{ notes { text author { name } } }'
const AUTHORS = { acme: ['Wile E.', 'Marvin'], globex: ['Hank', 'Frank'] } as const

describe('the example with GraphQL', () => {
  describeServers(['graphql'], (_name, example) => {
    const ask = (tenant: string, body: object): Promise<Answer> =>
      send({ port: example().port, host: `${tenant}.localhost`, body })

    it('loads the authors of each tenant, by ids that all tenants have', async () => {
      const tenants = Array.from({ length: 40 }, (_, n) => (n % 3 ? 'acme' : 'globex'))
      const answers = await Promise.all(tenants.map((tenant) => ask(tenant, { query: QUERY })))
      for (const [index, tenant] of tenants.entries()) {
        const { data, errors } = JSON.parse((answers[index] as Answer).text)
        expect(errors).to.equal(undefined)
        const names: string[] = data.notes.map((note: NoteAnswer) => note.author.name)
        expect([...new Set(names)]).to.deep.equal(AUTHORS[tenant as keyof typeof AUTHORS])
      }
    })

    it('keeps a note for its tenant alone', async () => {
      const query =
        'mutation ($text: String!) { addNote(text: $text, author: 2) { author { name } } }'
      const { text } = await ask('acme', { query, variables: { text: 'Anvils' } })
      expect(text).to.equal('{"data":{"addNote":{"author":{"name":"Marvin"}}}}')
      expect((await ask('acme', { query: QUERY })).text).to.include('Anvils')
      expect((await ask('globex', { query: QUERY })).text).to.not.include('Anvils')
    })

    it('refuses a note without a text', async () => {
      const { text } = await ask('acme', { query: 'mutation { addNote(text: " ") { id } }' })
      const { data, errors } = JSON.parse(text)
      expect(data).to.equal(null)
      expect(errors[0].message).to.equal('A note has a text of 1 to 200 characters.')
    })

    it('answers 404 for tenants that there are not', async () => {
      expect((await ask('nobody', { query: QUERY })).status).to.equal(404)
    })
  })
})

interface NoteAnswer {
  readonly author: { readonly name: string }
}
