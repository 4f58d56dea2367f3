import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { type Example, read } from './examples.ts'
import { type TestTenants, urlOptions } from './tenants.ts'

const run = promisify(execFile)

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const INDEX = pathToFileURL(join(ROOT, 'src/index.ts')).href

/** Packages that a stand-in beside the example replaces, so that they use the test's server. */
const STAND_INS: Readonly<Record<string, string>> = {
  'tenant-knex': './tenant-knex.mts',
  knex: './knex.mts',
}

/** Names of tenants' databases in the examples. The test's databases have other names. */
const NAMED = /\btenant_(?!id\b)/g

/** Creates the tables and rows of the tenants acme and globex that examples expect. */
export async function createTables(
  { admin, databaseOf }: TestTenants,
  example: Example,
): Promise<void> {
  for (const id of ['acme', 'globex']) {
    const database = databaseOf(id)
    await admin.query(`CREATE TABLE ${database}.users (id INT PRIMARY KEY, name VARCHAR(20));
      CREATE TABLE ${database}.accounts (id INT PRIMARY KEY, balance INT);
      INSERT INTO ${database}.accounts VALUES (1, 50), (2, 50)`)
  }
  for (const id of ['storm1', 'storm2']) await admin.query(`CREATE DATABASE ${databaseOf(id)}`)
  if (writesAda(example)) return
  await admin.query(`INSERT INTO ${databaseOf('acme')}.users VALUES (1, 'Ada'), (2, 'Grace')`)
}

/** True if an example begins without users, because it writes the first one itself. */
function writesAda({ code }: Example): boolean {
  return code.includes("insert({ id: 1, name: 'Ada' })")
}

/** Runs an example in a process of its own, and returns the lines that it prints. */
export async function outputOf(example: Example, context: TestTenants): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tenant-knex-docs-'))
  const prefix = context.databaseOf('')
  try {
    const program = join(folder, 'example.mts')
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
    writeFileSync(join(folder, 'tenant-knex.mts'), packageFor(context))
    writeFileSync(join(folder, 'knex.mts'), knexFor(context))
    writeFileSync(program, programOf(example).replaceAll(NAMED, prefix))
    const { stdout } = await run(process.execPath, ['--import', 'tsx', program], {
      cwd: ROOT, // tsx is found here
      timeout: 15_000,
    })
    return stdout.replaceAll(prefix, 'tenant_').split('\n').filter(Boolean)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function programOf(example: Example): string {
  const code = example.code.replaceAll(/(?<= from )'([^']+)'/g, (_, name: string) =>
    JSON.stringify(STAND_INS[name] ?? sourceOf(name) ?? name),
  )
  if (isComplete(example)) return code
  return `import { createTenantKnex } from './tenant-knex.mts'
    const tenantKnex = createTenantKnex({ connection: 'mysql://app@localhost/' })
    ${code}
    await tenantKnex.destroy()`
}

/**
 * True if an example makes its own `tenantKnex`, or is a program without one. Other examples are the middle
 * of a program.
 */
function isComplete({ code }: Example): boolean {
  return code.includes("from 'tenant-knex'") || !/\btenantKnex\b/.test(code)
}

/**
 * A stand-in for the package. It accepts the example's options, and uses the test's server. It does not print
 * Knex's warnings, such as one about a deadlock in a storm.
 */
function packageFor({ url, databaseOf }: TestTenants): string {
  return `export * from ${JSON.stringify(INDEX)}
    import { createTenantKnex as create } from ${JSON.stringify(INDEX)}
    export function createTenantKnex(options) {
      create(options)
      const { database = (id) => ${JSON.stringify(databaseOf(''))} + id } = options
      const log = { warn: console.error }
      return create({ ...options, connection: ${JSON.stringify(url)}, database, log })
    }`
}

/** A stand-in for Knex. */
function knexFor({ url }: TestTenants): string {
  return `import create from 'knex'
    export default function knex(options) {
      const given = typeof options.connection === 'string' ? {} : options.connection
      const connection = { ...given, ...${JSON.stringify(urlOptions(url))} }
      return create({ ...options, connection, log: { warn: console.error } })
    }`
}

/** The source file of an export `tenant-knex/...`; undefined for other packages. */
function sourceOf(name: string): string | undefined {
  if (!name.startsWith('tenant-knex/')) return undefined
  const { exports } = JSON.parse(read('package.json'))
  const built: string = exports[name.replace('tenant-knex', '.')].import.default
  const source = built.replace('/dist/esm/', '/src/').replace(/\.js$/, '.ts')
  return pathToFileURL(join(ROOT, source)).href
}
