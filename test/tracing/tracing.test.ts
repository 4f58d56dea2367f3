import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { onEachServer, type TestServer, withTenants } from '../support/tenants.ts'

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url))
const KNEX = '@opentelemetry/instrumentation-knex'
const MYSQL2 = '@opentelemetry/instrumentation-mysql2'
const ACCOUNT = `tk_traced_${process.pid}`
const PASSWORD = 'a-word-that-nobody-else-says'

/** What the program prints of a span. */
interface Span {
  readonly step: string
  readonly by: string
  readonly attributes: Record<string, unknown>
}

onEachServer('given spans of OpenTelemetry', (server) => {
  let output: string
  let spans: Span[]
  let prefix: string

  before(() =>
    withTenants(server, {}, async ({ admin, databaseOf }) => {
      prefix = databaseOf('')
      await admin.query(
        `CREATE USER ${ACCOUNT} IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON *.* TO ${ACCOUNT}`,
      )
      try {
        output = await outputOf(urlOf(server), prefix)
      } finally {
        await admin.query(`DROP USER ${ACCOUNT}`)
      }
      spans = output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    }),
  )

  for (const by of [KNEX, MYSQL2]) {
    describe(`when ${by} makes them`, () => {
      const steps: Readonly<Record<string, string>> = {
        'a tenant': 'a',
        'another tenant on the same connection': 'b',
        'the tenant in scope': 'a',
        'a statement that fails': 'a',
        'a transaction whose tenant moves meanwhile': 'a',
        'a tenant that has moved': 'c',
        ...(by === MYSQL2 && { 'the raw connection': 'a' }),
      }
      for (const [step, tenant] of Object.entries(steps)) {
        it(`then those of ${step} have its database, the host and the port`, () => {
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
        })
      }
    })
  }

  it('then no statement fails because of them', () => {
    expect(spans.filter(({ by }) => by === 'error')).to.deep.equal([])
  })

  it('then none has the password', () => {
    expect(output).not.to.include(PASSWORD)
  })
})

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
