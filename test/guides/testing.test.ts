import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { read, titledFile } from '../support/examples.ts'
import { onAllServers, type TestServer, withTenants } from '../support/tenants.ts'
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

onAllServers('given the guide on tests', (servers) => {
  it('when Jest and Vitest run its examples, then all of their tests pass, and they end', async () => {
    await Promise.all(servers.map(runOn))
  }).timeout(60_000)
})

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
