import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { CACHE_DEFAULTS } from '../src/cache-options.ts'
import { createTenantKnex } from '../src/index.ts'
import { DEFAULTS, resolveOptions } from '../src/options.ts'
import { onEachServer, type TestTenants, thrown, withTenants } from './support/tenants.ts'

const run = promisify(execFile)

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const INDEX = new URL('../src/index.ts', import.meta.url).href
const OBJECTION_ADAPTER = new URL('../src/adapters/objection.ts', import.meta.url).href
const TESTING = new URL('../src/testing/index.ts', import.meta.url).href
const OBJECTION = pathToFileURL(createRequire(import.meta.url).resolve('objection')).href
const README = read('README.md')

/** A code example of the README. */
interface Example {
  readonly line: number
  readonly code: string
}

onEachServer('the README', (server) => {
  for (const example of examples()) {
    describe(`when its example in line ${example.line} runs as a program`, () => {
      it('then it prints what its comments say, and ends', () =>
        withTenants(server, { tenants: ['acme', 'globex'] }, async (context) => {
          await createTables(context, isComplete(example) ? [] : ['Ada', 'Grace'])
          expect(await outputOf(example, context)).to.deep.equal(promisedOutput(example))
        }))
    })
  }
})

describe("given the README's tables", () => {
  it('then the one of errors has every code and no other', () => {
    const codes = [...read('src/errors.ts').matchAll(/^ {2}\| '(ERR_\w+)'$/gm)].map(
      ([, code]) => code,
    )
    expect(codes).to.include('ERR_WRONG_TENANT')
    expect(firstCells('Code')).to.have.members(codes)
  })

  it('then the one of channels has every channel and no other, and so has that of reasons', () => {
    const source = read('src/diagnostics.ts')
    const channels = [...source.matchAll(/: named\('([a-z-]+)'\)/g)].map(([, name]) => name)
    expect(firstCells('Channel')).to.have.members(channels.map((name) => `tenant-knex:${name}`))
    const [, union = ''] = source.match(/^export type DiscardReason =\n((?: {2}\| '.*'\n)+)/m) ?? []
    const reasons = [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason)
    expect(reasons).to.include('idle')
    expect(firstCells('Reason of a discard')).to.have.members(reasons)
  })

  it('then the one of numbers has every number and no other', () => {
    const { servers } = createTenantKnex({ connection: {} }).stats()
    expect(firstCells('Field')).to.have.members(Object.keys(servers[0]))
  })

  it('then the one of outcomes has every outcome and no other', () => {
    const [, union = ''] = read('src/errors.ts').match(/^export type Outcome = (.*)$/m) ?? []
    expect(firstCells('Outcome')).to.have.members(union.replaceAll("'", '').split(' | '))
  })

  it('then the one of options has every option and no other', () => {
    const own = knownOptions().filter((name) => name !== 'pool' && name !== 'cache')
    const pool = knownOptions('pool').map((name) => `pool.${name}`)
    const cache = knownOptions('cache').map((name) => `cache.${name}`)
    expect(firstCells('Option')).to.have.members([...own, ...pool, ...cache])
  })

  it('then the one of a storm has every option and no other, with its default', () => {
    const [, body = ''] = read('src/testing/storm-options.ts').match(
      /^export interface StormOptions \{\n(.*?)^\}/ms,
    ) as RegExpMatchArray
    const options = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name]) => name)
    expect(options).to.include('seed')
    expect(firstCells('Storm option')).to.have.members(options)
    for (const [, value, name] of body.matchAll(
      /@defaultValue ([\d_]+) \*\/\n {2}readonly (\w+)/g,
    )) {
      expect(README).to.include(
        `| \`${name}\` | ${Number(value?.replace('_', '')).toLocaleString('en')} |`,
      )
    }
  })

  it('then the one of options has the defaults of the pool and the cache', () => {
    for (const [name, value] of Object.entries(DEFAULTS.pool)) {
      expect(README).to.include(`| \`pool.${name}\` | ${value.toLocaleString('en')} |`)
    }
    for (const [name, value] of Object.entries(CACHE_DEFAULTS)) {
      if (typeof value !== 'number') continue
      expect(README).to.include(`| \`cache.${name}\` | ${value.toLocaleString('en')} |`)
    }
    const { switchTimeoutMillis, clean } = DEFAULTS
    expect(README).to.include(
      `| \`switchTimeoutMillis\` | ${switchTimeoutMillis.toLocaleString('en')} |`,
    )
    expect(README).to.include(`| \`clean\` | \`'${clean}'\` |`)
  })
})

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function examples(): Example[] {
  return [...README.matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => ({
    line: README.slice(0, index).split('\n').length + 1,
    code,
  }))
}

/** True where an example makes its own `tenantKnex`; the others are the middle of a program. */
function isComplete({ code }: Example): boolean {
  return code.includes("from 'tenant-knex'")
}

/** What comments such as `// prints: a, b` say. */
function promisedOutput({ code }: Example): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].flatMap(([, lines = '']) => lines.split(', '))
}

async function createTables(
  { admin, databaseOf }: TestTenants,
  usersOfAcme: readonly string[],
): Promise<void> {
  for (const id of ['acme', 'globex']) {
    const database = databaseOf(id)
    await admin.query(`CREATE TABLE ${database}.users (id INT PRIMARY KEY, name VARCHAR(20));
      CREATE TABLE ${database}.accounts (id INT PRIMARY KEY, balance INT);
      INSERT INTO ${database}.accounts VALUES (1, 50), (2, 50)`)
  }
  for (const id of ['storm1', 'storm2']) await admin.query(`CREATE DATABASE ${databaseOf(id)}`)
  for (const [index, name] of usersOfAcme.entries()) {
    await admin.query('INSERT INTO ?? VALUES (?, ?)', [
      `${databaseOf('acme')}.users`,
      index + 1,
      name,
    ])
  }
}

/** Runs an example in a process of its own. Gives the lines that it prints. */
async function outputOf(example: Example, context: TestTenants): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tenant-knex-docs-'))
  try {
    const program = join(folder, 'example.mts')
    writeFileSync(join(folder, 'tenant-knex.mts'), packageFor(context))
    writeFileSync(program, programOf(example))
    const { stdout } = await run(process.execPath, ['--import', 'tsx', program], {
      cwd: ROOT, // where tsx is found
      timeout: 15_000,
    })
    return stdout.split('\n').filter(Boolean)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function programOf(example: Example): string {
  const code = example.code
    .replace("'tenant-knex'", "'./tenant-knex.mts'")
    .replace("'tenant-knex/testing'", JSON.stringify(TESTING))
    .replace("'tenant-knex/objection'", JSON.stringify(OBJECTION_ADAPTER))
    .replace("'objection'", JSON.stringify(OBJECTION))
  if (isComplete(example)) return code
  return `import { createTenantKnex } from './tenant-knex.mts'
    const tenantKnex = createTenantKnex({ connection: 'mysql://app@localhost/' })
    ${code}
    await tenantKnex.destroy()`
}

/**
 * Stands in for the package: accepts the options of the example, and uses the test's server. What
 * Knex warns of (that a deadlock has ended a transaction, in a storm) is nothing that is printed.
 */
function packageFor({ url, databaseOf }: TestTenants): string {
  return `export * from ${JSON.stringify(INDEX)}
    import { createTenantKnex as create } from ${JSON.stringify(INDEX)}
    export function createTenantKnex(options) {
      create(options)
      const database = (id) => ${JSON.stringify(databaseOf(''))} + id
      const log = { warn: console.error }
      return create({ ...options, connection: ${JSON.stringify(url)}, database, log })
    }`
}

/** Names in the first column of the table with this heading. */
function firstCells(heading: string): string[] {
  const [, rows = ''] =
    README.match(new RegExp(`^\\| ${heading} \\|.*\\n\\| -.*\\n((?:\\|.*\\n)+)`, 'm')) ?? []
  return rows
    .split('\n')
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([\w.:-]+)`/g)])
    .map(([, name = '']) => name)
}

/** The options that are accepted, as the error about an unknown one lists them. */
function knownOptions(group?: 'pool' | 'cache'): string[] {
  const given = { connection: {}, ...(group ? { [group]: { unknown: 1 } } : { unknown: 1 }) }
  const { message } = thrown(() => resolveOptions(given as never))
  const [, names = ''] = message.match(/Known here: (.*)\.$/) ?? []
  return names.split(', ')
}
