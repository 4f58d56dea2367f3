import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { onAllServers, type TestServer, withTenants } from '../../support/tenants.ts'

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url))
const KNEX = '@opentelemetry/instrumentation-knex'
const MYSQL2 = '@opentelemetry/instrumentation-mysql2'
const ACCOUNT = `tk_traced_${process.pid}`
const PASSWORD = 'a-word-that-nobody-else-says'

/** What the program prints of a span, and of a message of mysql2's channels. */
interface Span {
  readonly step: string
  readonly by: string
  readonly attributes: Record<string, unknown>
}

/** What a server's program has printed, and how the names of its databases begin. */
interface Trace {
  readonly output: string
  readonly spans: readonly Span[]
  readonly prefix: string
}

onAllServers('given statements that are traced', (servers) => {
  const traces = new Map<TestServer, Trace>()
  const traceOf = (server: TestServer): Trace => traces.get(server) as Trace

  before(async () => {
    await Promise.all(servers.map(async (server) => traces.set(server, await trace(server))))
  })

  for (const by of [KNEX, MYSQL2, 'mysql2']) {
    describe(`when ${by} tells of them`, () => {
      const steps: Readonly<Record<string, string>> = {
        'a tenant': 'a',
        'another tenant on the same connection': 'b',
        'the tenant in scope': 'a',
        'a statement that fails': 'a',
        'a transaction whose tenant moves meanwhile': 'a',
        'a tenant that has moved': 'c',
        ...(by !== KNEX && { 'the raw connection': 'a' }),
      }
      for (const [step, tenant] of Object.entries(steps)) {
        it(`then ${step} has its database, the host and the port`, () => {
          for (const server of servers) {
            const { spans, prefix } = traceOf(server)
            const { hostname, port } = new URL(server.url)
            const found = spans.filter((span) => span.by === by && span.step === step)
            expect(found).not.to.deep.equal([])
            for (const { attributes } of found) {
              expect(attributes).to.include({
                'db.namespace': prefix + tenant,
                'server.address': hostname,
                'server.port': Number(port),
              })
            }
          }
        })
      }
    })
  }

  it('then none fails because of that', () => {
    for (const server of servers) {
      expect(traceOf(server).spans.filter(({ by }) => by === 'error')).to.deep.equal([])
    }
  })

  it('then the password is told nowhere', () => {
    for (const server of servers) expect(traceOf(server).output).not.to.include(PASSWORD)
  })
})

async function trace(server: TestServer): Promise<Trace> {
  let output = ''
  let prefix = ''
  await withTenants(server, {}, async ({ admin, databaseOf }) => {
    prefix = databaseOf('')
    await admin.query(
      `CREATE USER ${ACCOUNT} IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON *.* TO ${ACCOUNT}`,
    )
    try {
      output = await outputOf(urlOf(server), prefix)
    } finally {
      await admin.query(`DROP USER ${ACCOUNT}`)
    }
  })
  const lines = output.trim().split('\n')
  return { output, prefix, spans: lines.map((line) => JSON.parse(line)) }
}

function urlOf({ url }: TestServer): string {
  const own = new URL(url)
  own.username = ACCOUNT
  own.password = PASSWORD
  return own.href
}

async function outputOf(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    PROGRAM,
    ...args,
  ])
  return stdout
}
