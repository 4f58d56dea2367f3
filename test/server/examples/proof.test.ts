import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import type { ConnectionInfo } from '../../../src/index.ts'
import { describeServers } from './support/example-suite.ts'
import { type Answer, send } from './support/http.ts'
import { databaseUrl } from './support/left-behind.ts'

/** Beginnings of the texts that each tenant has. */
const TEXTS = {
  acme: ['Rocket skates', 'The tunnel', 'Ask for a better view'],
  globex: ['Hammocks', 'Book the volcano', 'Who moved', 'Decline the moat'],
} as const
const ALL_TEXTS = Object.values(TEXTS).flat()

describe('the proof of the example with Koa', () => {
  describeServers(['koa'], (_name, example) => {
    const open = (tenant: string, path = '/'): Promise<Answer> =>
      send({ port: example().port, host: `${tenant}.localhost`, path })
    const click = (accept = 'application/json'): Promise<Answer> =>
      send({
        ...{ port: example().port, host: 'acme.localhost', path: '/proof' },
        headers: { accept },
        body: new URLSearchParams(),
      })
    const prove = async () => JSON.parse((await click()).text)
    const asAdmin = (sql: string) => runAsAdmin(sql.replaceAll('PREFIX_', example().prefix))
    /** Does something while the tables of notes have another name. */
    const withoutNotes = async (tenants: readonly string[], work: () => Promise<void>) => {
      for (const tenant of tenants) {
        await asAdmin(`RENAME TABLE PREFIX_${tenant}.notes TO PREFIX_${tenant}.hidden`)
      }
      try {
        await work()
      } finally {
        for (const tenant of tenants) {
          await asAdmin(`DROP TABLE IF EXISTS PREFIX_${tenant}.notes`)
          await asAdmin(`RENAME TABLE PREFIX_${tenant}.hidden TO PREFIX_${tenant}.notes`)
        }
      }
    }

    it('sends 200 requests of both tenants, and finds no row that is wrong', async () => {
      const { verdict, sentence, ...numbers } = await prove()
      const all = { requests: 200, answers: 200, errors: 0, rows: 700, wrongRows: 0 }
      expect(numbers).to.include(all)
      expect(verdict).to.equal('good')
      expect(sentence).to.equal('Every row was of the tenant that was asked.')
      expect(numbers.connections).to.be.within(1, 5)
      expect(numbers.sharedConnections).to.be.at.most(numbers.connections)
      expect(numbers.switches).to.be.at.least(numbers.sharedConnections)
    })

    it('finds a row of another tenant: once in each answer that has it', async () => {
      await asAdmin("INSERT INTO PREFIX_acme.notes (text, tenant) VALUES ('Sharks', 'globex')")
      try {
        const { verdict, sentence, ...numbers } = await prove()
        expect(numbers).to.include({ answers: 200, errors: 0, rows: 800, wrongRows: 100 })
        expect(verdict).to.equal('bad')
        expect(sentence).to.equal("100 of 800 rows were another tenant's.")
      } finally {
        await asAdmin("DELETE FROM PREFIX_acme.notes WHERE text = 'Sharks'")
      }
      expect(await prove()).to.include({ wrongRows: 0, verdict: 'good' })
    })

    it('counts requests that fail, and takes them for no success', async () => {
      await withoutNotes(['globex'], async () => {
        const failed = { answers: 100, errors: 100, rows: 300, wrongRows: 0, verdict: 'bad' }
        expect(await prove()).to.include(failed)
      })
      expect(await prove()).to.include({ answers: 200, errors: 0, verdict: 'good' })
    })

    it('takes empty answers for no success', async () => {
      await withoutNotes(['acme', 'globex'], async () => {
        for (const tenant of ['acme', 'globex']) {
          await asAdmin(`CREATE TABLE PREFIX_${tenant}.notes LIKE PREFIX_${tenant}.hidden`)
        }
        expect(await prove()).to.include({ answers: 200, errors: 0, rows: 0, verdict: 'bad' })
      })
      expect(await prove()).to.include({ rows: 700, verdict: 'good' })
    })

    it('sends no more requests for those who ask at the same time', async () => {
      await withPool(example().port, async (events) => {
        const proofs = Promise.all([prove(), prove()])
        const waiting: number[] = []
        const quiet = first(events, (event) => {
          waiting.push(event.waiting)
          return Math.max(...waiting) > 0 && event.waiting === 0
        })
        const [one, other] = await proofs
        expect(other).to.deep.equal(one)
        await quiet
        expect(Math.max(...waiting)).to.be.at.most(200)
      })
    })

    it('shows its numbers in a page to browsers without JavaScript', async () => {
      const { status, headers, text } = await click('text/html')
      expect(status).to.equal(200)
      expect(headers['content-type']).to.include('text/html')
      expect(text).to.include('data-verdict="good"')
      expect(text).to.include('<b data-number="wrongRows">0</b> wrong rows')
      expect(text).to.include('<dd data-number="answers">200</dd>')
    })

    it('lists the connections as they change: the server’s ids, and whose they are', async () => {
      await withPool(example().port, async (events) => {
        const proof = prove()
        const busy = await first(events, ({ connections }) => {
          const holders = connections.filter(({ state }) => state === 'used')
          return new Set(holders.map(({ tenant }) => tenant)).size === 2
        })
        await proof
        const idle = await first(events, ({ connections }) =>
          connections.every(({ state }) => state === 'idle'),
        )
        expect(busy.connections).to.have.lengthOf.within(2, 5)
        expect(idle.waiting).to.equal(0)

        const { prefix } = example()
        const onServer = await asAdmin(
          `SELECT id AS id, db AS db FROM information_schema.processlist WHERE LEFT(db, ${prefix.length}) = '${prefix}'`,
        )
        expect(
          idle.connections.map(({ connectionId, tenant }) => [connectionId, `${prefix}${tenant}`]),
        ).to.have.deep.members(onServer.map(({ id, db }) => [Number(id), db]))
        for (const { since } of idle.connections) {
          expect(Date.parse(since)).to.be.at.most(Date.parse(idle.now))
        }
      })
    })

    it('shows no content of another tenant', async () => {
      const { text: proof } = await click()
      const { text: notes } = await open('acme', '/notes')
      const { text: page } = await click('text/html')
      const events = await withPool(example().port, (events) => first(events, () => true))
      for (const part of TEXTS.acme) expect(notes).to.include(part)
      for (const part of TEXTS.globex) {
        expect(notes).to.not.include(part)
        expect(page).to.not.include(part)
      }
      for (const part of ALL_TEXTS) expect(proof + JSON.stringify(events)).to.not.include(part)
    })

    it('lets the browser run the script of the page, and nothing that a note brings in', async () => {
      const { text: page } = await open('acme')
      const [, policy = ''] = page.match(/Security-Policy" content="([^"]*)"/) ?? []
      const [, style = ''] = page.match(/<style>(.*)<\/style>/s) ?? []
      const hash = createHash('sha256').update(style).digest('base64')
      expect(policy).to.include("default-src 'none'").and.include(`style-src 'sha256-${hash}'`)
      expect(policy).to.include("script-src 'self'").and.not.include('unsafe')
      expect(page).to.not.match(/\s(style|on\w+)=/)

      const [, path = ''] = page.match(/<script type="module" src="([^"]*)">/) ?? []
      const script = await open('acme', path)
      expect(script.status).to.equal(200)
      expect(script.headers['content-type']).to.include('javascript')
    })
  })
})

/** One event of the live list. */
interface PoolEvent {
  readonly now: string
  readonly waiting: number
  readonly connections: (Omit<ConnectionInfo, 'since'> & { readonly since: string })[]
}

/** Reads the live list meanwhile. */
async function withPool<T>(
  port: number,
  work: (events: AsyncIterator<PoolEvent>) => Promise<T>,
): Promise<T> {
  const outgoing = get({
    ...{ host: '127.0.0.1', port, path: '/pool' },
    headers: { host: `acme.localhost:${port}` },
  })
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  try {
    expect(incoming.headers['content-type']).to.include('text/event-stream')
    return await work(eventsOf(incoming))
  } finally {
    incoming.destroy()
  }
}

async function* eventsOf(incoming: IncomingMessage): AsyncGenerator<PoolEvent> {
  for await (const line of createInterface({ input: incoming })) {
    if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length))
  }
}

/** The first event from here on that is so. */
async function first(
  events: AsyncIterator<PoolEvent>,
  isSo: (event: PoolEvent) => boolean,
): Promise<PoolEvent> {
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw new Error('The list has ended.')
    if (isSo(value)) return value
  }
}

async function runAsAdmin(sql: string): Promise<RowDataPacket[]> {
  const connection = await mysql.createConnection({ uri: databaseUrl() })
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql)
    return rows
  } finally {
    await connection.end()
  }
}
