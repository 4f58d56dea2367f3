import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { read, titledFile } from '../../support/examples.ts'
import { onAllServers, type TestServer, withTenants } from '../../support/tenants.ts'
import { withProject } from './support/project.ts'

const PAGE = read('docs/testing.md')

/** A test framework, and how it is told to run a project's tests once. */
interface Framework {
  readonly file: string
  readonly bin: string
  readonly args: readonly string[]
}

/** Each runs on one server only, as it takes seconds to start. */
const FRAMEWORKS: Readonly<Record<TestServer['name'], Framework>> = {
  MariaDB: { file: 'users.test.js', bin: 'jest/bin/jest.js', args: ['--ci'] },
  MySQL: { file: 'users.test.mjs', bin: 'vitest/vitest.mjs', args: ['run'] },
}

/** How a test framework runs one test file, with imports that the file begins with. */
interface Runner {
  readonly file: string
  readonly args: readonly string[]
  readonly imports: string
}

const REQUIRED = "const { createTenantKnex } = require('tenant-knex')"
const IMPORTED = "import { createTenantKnex } from 'tenant-knex'"

const WITH_REDIS: Readonly<Record<string, Runner>> = {
  Jest: {
    file: 'cache.test.js',
    args: ['node_modules/jest/bin/jest.js', '--ci', '--forceExit'],
    imports: REQUIRED,
  },
  Vitest: {
    file: 'cache.test.mjs',
    args: ['node_modules/vitest/vitest.mjs', 'run'],
    imports: `${IMPORTED}; import { test, vi } from 'vitest'`,
  },
  'node:test': {
    file: 'cache.test.mjs',
    args: ['--test', '--test-timeout=5000'],
    imports: `${IMPORTED}; import { mock, test } from 'node:test'`,
  },
}

const CACHE_TEST = `
IMPORTS
const store = process.env.REDIS_URL
const tenantKnex = createTenantKnex({ connection: {}, cache: { store, root: 'guide-' + process.pid } })

test('a cache answers', async () => {
  while (!(await tenantKnex.sharedCache.set('-', 1))) {} // until it is connected
  FAKE
  const isSet = await tenantKnex.sharedCache.set('key', 1)
  const value = await tenantKnex.sharedCache.get('key')
  if (typeof jest === 'object') jest.useRealTimers()
  else if (typeof vi === 'object') vi.useRealTimers()
  else mock.timers.reset()
  await tenantKnex.sharedCache.clear()
  await tenantKnex.destroy()
  if (!isSet || value !== 1) throw new Error('The cache has nothing.')
})
`

onAllServers('given the guide on tests', (servers) => {
  it('when Jest and Vitest run its examples, then all of their tests pass, and they end', async () => {
    await Promise.all(servers.map(runOn))
  }).timeout(60_000)
})

describe('given the guide on tests, and a cache on Redis', () => {
  for (const [name, { file, args }] of Object.entries(WITH_REDIS)) {
    it(`when a test of ${name} fakes timers as it says, then the cache works`, async function () {
      const { TENANT_KNEX_REDIS_URL: REDIS_URL } = process.env
      if (REDIS_URL === undefined) return this.skip()
      await withProject({ [file]: testOf(name) }, async (folder) => {
        const env = { ...process.env, REDIS_URL, NO_COLOR: '1', NODE_TEST_CONTEXT: undefined }
        const options = { cwd: folder, env }
        await promisify(execFile)(process.execPath, [...args, file], options)
      })
    }).timeout(60_000)
  }
})

/** A test that uses a cache after the call that the guide's table has in its last column. */
function testOf(name: string): string {
  const [, fake] = new RegExp(`^\\| ${name} \\|.*\\| \`([^\`]+)\` \\|$`, 'm').exec(PAGE) ?? []
  return CACHE_TEST.replace('IMPORTS', WITH_REDIS[name]?.imports ?? '').replace('FAKE', fake ?? '')
}

function runOn(server: TestServer): Promise<void> {
  const { file, bin, args } = FRAMEWORKS[server.name]
  return withTenants(server, {}, async ({ url, connectionsSeen }) => {
    await withProject({ [file]: titledFile(PAGE, file) }, async (folder) => {
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        [join('node_modules', bin), ...args],
        { cwd: folder, env: { ...process.env, DATABASE_URL: url, NO_COLOR: '1' } },
      )
      expect(stdout + stderr).to.match(/Tests: +2 passed, 2 total|Tests +2 passed \(2\)/)
    })
    expect(await connectionsSeen()).to.equal(0)
  })
}
