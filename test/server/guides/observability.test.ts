import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { read, titledFile } from '../../support/examples.ts'
import {
  onAllServers,
  type TestServer,
  type TestTenants,
  withTenants,
} from '../../support/tenants.ts'
import { withProject } from './support/project.ts'

const PAGE = read('docs/observability.md')
const ARGS = ['--import', './telemetry.mjs', 'application.mjs']

onAllServers('given the guide on observability', (servers) => {
  it('when its application runs, then its spans have the database, the host, the port and the tenant', async () => {
    await Promise.all(servers.map(runOn))
  }).timeout(60_000)
})

function runOn(server: TestServer): Promise<void> {
  return withTenants(server, { tenants: ['acme', 'globex'] }, async (context) => {
    const { admin, databaseOf, url } = context
    for (const id of ['acme', 'globex']) {
      await admin.query(`CREATE TABLE ${databaseOf(id)}.users (id INT PRIMARY KEY)`)
    }
    const files = {
      'telemetry.mjs': titledFile(PAGE, 'telemetry.mjs'),
      'application.mjs': applicationOf(context),
    }
    await withProject(files, async (folder) => {
      const options = { cwd: folder, env: { ...process.env, DATABASE_URL: url } }
      const { stdout } = await promisify(execFile)(process.execPath, ARGS, options)
      expect(spansIn(stdout)).to.deep.equal(spansOf(context))
    })
  })
}

/** In the order in which they end. */
function spansOf({ databaseOf, url }: TestTenants): object[] {
  const { hostname: host, port } = new URL(url)
  const acme = { database: databaseOf('acme'), tenant: 'acme', host, port }
  const globex = { database: databaseOf('globex'), tenant: undefined, host, port }
  return [acme, globex].flatMap((span) => ['mysql2', 'knex'].map((by) => ({ by, ...span })))
}

/** The example's tenants have the databases of the test. */
function applicationOf({ databaseOf }: TestTenants): string {
  return titledFile(PAGE, 'application.mjs').replace(
    'DATABASE_URL }',
    `DATABASE_URL, database: (id) => '${databaseOf('')}' + id }`,
  )
}

/** What OpenTelemetry's own exporter has printed of the spans. */
function spansIn(output: string): object[] {
  return output
    .split('instrumentationScope:')
    .slice(1)
    .map((span) => ({
      by: span.match(/name: '@opentelemetry\/instrumentation-(\w+)'/)?.[1],
      database: span.match(/'db\.namespace': '(.*)'/)?.[1],
      tenant: span.match(/'tenant\.id': '(.*)'/)?.[1],
      host: span.match(/'server\.address': '(.*)'/)?.[1],
      port: span.match(/'server\.port': (\d+)/)?.[1],
    }))
}
