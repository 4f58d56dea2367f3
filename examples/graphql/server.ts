/*
 * GraphQL on Node's own server. Each request has its own loaders, made in its tenant's scope. So no loader
 * gives one tenant's rows to another.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import DataLoader from 'dataloader'
import { buildSchema, GraphQLError, graphql } from 'graphql'
import { createTenantKnex, TenantKnexError } from 'tenant-knex'
import { nodeRequest, subdomain } from 'tenant-knex/resolve'

const { DATABASE_URL = '', DATABASE_PREFIX = '', PORT = '3000' } = process.env

const tenants = new Set(['acme', 'globex'])
const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => (tenants.has(id) ? `${DATABASE_PREFIX}${id}` : null), // null: no such tenant
})
const resolve = subdomain({ baseDomains: ['localhost'] })

const schema = buildSchema(`
  type Author { id: Int!, name: String! }
  type Note { id: Int!, text: String!, author: Author }
  type Query { notes: [Note!]! }
  type Mutation { addNote(text: String!, author: Int): Note! }
`)

interface NoteRow {
  readonly id: number
  readonly text: string
  readonly author_id: number | null
}

/** The loaders of one request: one query loads the authors of all its notes. */
function createLoaders() {
  const authors = new DataLoader(async (ids: readonly number[]) => {
    const rows = await tenantKnex.ambient('authors').whereIn('id', ids)
    const byId = new Map(rows.map((row) => [row.id, row]))
    return ids.map((id) => byId.get(id) ?? null)
  })
  return { authors }
}

/** Converts a row of `notes` to the type in the schema. */
function toNote(row: NoteRow) {
  const author = (_args: unknown, { authors }: ReturnType<typeof createLoaders>) =>
    row.author_id === null ? null : authors.load(row.author_id)
  return { ...row, author }
}

const rootValue = {
  notes: async () => (await tenantKnex.ambient<NoteRow>('notes').orderBy('id')).map(toNote),
  addNote: async ({ text, author = null }: { text: string; author?: number | null }) => {
    if (text.trim() === '' || text.length > 200) {
      throw new GraphQLError('A note has a text of 1 to 200 characters.')
    }
    const [id = 0] = await tenantKnex.ambient('notes').insert({ text, author_id: author })
    return toNote({ id, text, author_id: author })
  },
}

/** The body of a request. */
interface Operation {
  readonly query: string
  readonly variables?: Record<string, unknown>
}

/** Returns the status and the body of the response. */
async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
  const tenant = await resolve(nodeRequest(request))
  if (typeof tenant !== 'string') return [404, { error: 'There is no such tenant.' }]
  const { query: source, variables: variableValues } = (await json(request)) as Operation
  return tenantKnex.run(tenant, async () => {
    const contextValue = createLoaders()
    return [200, await graphql({ schema, source, variableValues, rootValue, contextValue })]
  })
}

function failure(error: unknown): [status: number, body: unknown] {
  if (error instanceof SyntaxError) return [400, { error: 'The body is no JSON.' }]
  if (error instanceof TenantKnexError) return [404, { error: 'There is no such tenant.' }]
  console.error(error)
  return [500, { error: 'Something went wrong.' }]
}

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request).catch(failure)
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
})
server.listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', async () => {
  const late = setTimeout(() => server.closeAllConnections(), 5_000)
  await new Promise((done) => server.close(done)) // lets running requests end
  clearTimeout(late)
  await tenantKnex.destroy()
})
