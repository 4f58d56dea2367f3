import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { type Example, promisedOutput, read } from '../../test/support/examples.ts'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { lastLines } from '../../test/support/servers/run.ts'
import { runNode } from './run-node.ts'
import { withTenants } from './tenants-at-once.ts'

const PAGE = 'docs/other-packages.md'

/** Examples of packages that this project does not install. */
export function foreignExamples(): Example[] {
  const page = read(PAGE)
  return [...page.matchAll(/^```js foreign\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => ({
    line: page.slice(0, index).split('\n').length + 1,
    code,
  }))
}

/** Runs an example as a program. Returns its problem, if there is one. */
export function problemOf(
  reaper: Reaper,
  folder: string,
  example: Example,
  serverUrl: string,
): Promise<string | undefined> {
  return withTenants(serverUrl, async (prefix) => {
    await createUsers(serverUrl, prefix)
    const program = writeProgram(folder, example)
    const { code, output } = await runNode(reaper, {
      cwd: folder,
      args: [program],
      environment: { FOREIGN_URL: serverUrl, FOREIGN_DATABASE: prefix },
    })
    const wanted = promisedOutput(example).join('\n')
    if (code === 0 && output.trimEnd() === wanted) return undefined
    return `${PAGE}, line ${example.line}: wanted\n${wanted}\ngot\n${lastLines(output)}`
  })
}

/** Creates the rows that the guide's examples expect of acme and globex. */
async function createUsers(serverUrl: string, prefix: string): Promise<void> {
  const connection = await mysql.createConnection({ uri: serverUrl, multipleStatements: true })
  try {
    for (const id of ['acme', 'globex']) {
      await connection.query(`CREATE TABLE ${prefix}_${id}.users (id INT PRIMARY KEY, name TEXT)`)
    }
    await connection.query(`INSERT INTO ${prefix}_acme.users VALUES (1, 'Ada'), (2, 'Grace')`)
  } finally {
    await connection.end()
  }
}

function writeProgram(folder: string, { code, line }: Example): string {
  const examples = join(folder, 'examples')
  mkdirSync(examples, { recursive: true })
  writeFileSync(join(examples, 'tenant-knex.mjs'), STAND_IN)
  const program = join(examples, `line-${line}.mjs`)
  writeFileSync(program, code.replace("from 'tenant-knex'", "from './tenant-knex.mjs'"))
  return program
}

/** Accepts an example's options, and uses the given server and databases. */
const STAND_IN = `import { createTenantKnex as create } from 'tenant-knex'
const { FOREIGN_URL: connection, FOREIGN_DATABASE: prefix } = process.env
export function createTenantKnex(options) {
  return create({ ...options, connection, database: (id) => prefix + '_' + id })
}
`
