import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { read, titledFile } from '../../support/examples.ts'
import {
  onAllServers,
  type TestServer,
  type TestTenants,
  until,
  withTenants,
} from '../../support/tenants.ts'
import { withProject } from './support/project.ts'

/** Connections that were idle for longer are asked whether they are alive. */
const PROBED_AFTER_MILLIS = 5_000

/** The server is to close them while the process is frozen. */
const HANDLER = titledFile(read('docs/serverless.md'), 'handler.mjs').replace(
  'wait_timeout = 300',
  'wait_timeout = 1',
)

/** In place of a platform: an event is a line, and so is its answer. */
const RUNTIME = `import { createInterface } from 'node:readline'
import { handler } from './handler.mjs'

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await handler(JSON.parse(line)).catch((error) => ({ error: String(error) }))
  console.log(JSON.stringify(answer))
}`

onAllServers('given the guide on serverless functions', (servers) => {
  describe('when its handler is frozen until the server has closed its connections', () => {
    it('then the next call is answered, and SIGTERM ends the process', async () => {
      await Promise.all(servers.map(callOn))
    }).timeout(60_000)
  })
})

function callOn(server: TestServer): Promise<void> {
  return withTenants(server, { tenants: ['acme', 'globex'] }, async (context) => {
    const files = { 'handler.mjs': handlerOf(context), 'runtime.mjs': RUNTIME }
    await createUsers(context)
    await withProject(files, (folder) => callFrozen(folder, context))
  })
}

/** The example's tenants have the databases of the test. */
function handlerOf({ databaseOf }: TestTenants): string {
  return HANDLER.replace('  pool:', `  database: (id) => '${databaseOf('')}' + id,\n  pool:`)
}

async function createUsers({ admin, databaseOf }: TestTenants): Promise<void> {
  for (const id of ['acme', 'globex']) {
    await admin.query(`CREATE TABLE ${databaseOf(id)}.users (id INT PRIMARY KEY, name VARCHAR(20));
      INSERT INTO ${databaseOf(id)}.users VALUES (1, 'One of ${id}')`)
  }
}

async function callFrozen(folder: string, { url, connectionsSeen }: TestTenants): Promise<void> {
  const instance = spawn(process.execPath, ['runtime.mjs'], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const call = callerOf(instance)
    expect(await call('acme')).to.equal(`{"statusCode":200,"body":"[\\"One of acme\\"]"}`)
    expect(await call('globex')).to.equal(`{"statusCode":200,"body":"[\\"One of globex\\"]"}`)
    expect(await connectionsSeen()).to.be.above(0)
    instance.kill('SIGSTOP')
    await sleep(PROBED_AFTER_MILLIS)
    await until('the server has closed them', async () => (await connectionsSeen()) === 0)
    const answer = call('acme') // the event is there when the process goes on
    instance.kill('SIGCONT')
    expect(await answer).to.equal(`{"statusCode":200,"body":"[\\"One of acme\\"]"}`)
    instance.kill('SIGTERM')
    expect(await once(instance, 'exit')).to.deep.equal([0, null])
    expect(await connectionsSeen()).to.equal(0)
  } finally {
    instance.kill('SIGKILL')
  }
}

function callerOf(instance: ChildProcess): (tenant: string) => Promise<string> {
  if (!instance.stdin || !instance.stdout) throw new Error('The process has no streams.')
  const { stdin } = instance
  const answers = createInterface({ input: instance.stdout })
  return async (tenant) => {
    stdin.write(`${JSON.stringify({ tenant })}\n`)
    const [answer] = await once(answers, 'line')
    return answer
  }
}
