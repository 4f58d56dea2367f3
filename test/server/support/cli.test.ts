import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect } from 'chai'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { read, titledFile } from '../../support/examples.ts'
import { onEachServer, type TestServer, urlOptions } from '../../support/tenants.ts'

const KNEXFILE = titledFile(read('docs/many-tenants.md'), 'knexfile.mjs')
const SOURCE = new URL('../../../src/index.ts', import.meta.url).href
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const MODULES = fileURLToPath(new URL('../../../node_modules/', import.meta.url))

const MIGRATION = `export const up = (knex) =>
  knex.schema.createTable('cities', (table) => void table.string('name'))
export const down = (knex) => knex.schema.dropTable('cities')
`
const SEED = `export const seed = (knex) =>
  knex('cities').insert({ name: knex.raw('DATABASE()') })
`

/** A project with a knexfile, one migration and one seed, and databases for two tenants. */
interface Project {
  /** Runs Knex's own command; gives what it printed and its exit code. */
  knex(tenant: string | undefined, ...args: string[]): Promise<{ output: string; code: number }>
  /** Names of a tenant's cities; undefined where there is no such table. */
  cities(tenant: string): Promise<string[] | undefined>
  readonly one: string
  readonly two: string
  readonly folder: string
}

async function withProject(
  server: TestServer,
  knexfile: string,
  test: (project: Project) => Promise<void>,
  text = KNEXFILE,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenant-knex-cli-'))
  const admin = await mysql.createConnection(server.adminUrl)
  const [one, two] = ['one', 'two'].map((name) => `cli-${randomBytes(4).toString('hex')}-${name}`)
  if (!one || !two) throw new Error()
  try {
    for (const id of [one, two]) await admin.query('CREATE DATABASE ??', [`tenant_${id}`])
    await fill(folder, knexfile, text)
    await test({
      knex: (tenant, ...args) => runKnex(server, folder, tenant, args),
      cities: (tenant) => readCities(admin, tenant),
      one,
      two,
      folder,
    })
  } finally {
    for (const id of [one, two]) await admin.query('DROP DATABASE IF EXISTS ??', [`tenant_${id}`])
    await admin.end()
    await rm(folder, { recursive: true })
  }
}

async function fill(folder: string, knexfile: string, text: string): Promise<void> {
  const packageFolder = join(folder, 'node_modules', 'tenant-knex')
  for (const path of [packageFolder, join(folder, 'migrations'), join(folder, 'seeds')]) {
    await mkdir(path, { recursive: true })
  }
  const exports = { name: 'tenant-knex', type: 'module', exports: './index.js' }
  await writeFile(join(packageFolder, 'package.json'), JSON.stringify(exports))
  await writeFile(join(packageFolder, 'index.js'), `export * from ${JSON.stringify(SOURCE)}\n`)
  for (const name of ['knex', 'mysql2']) {
    await symlink(join(MODULES, name), join(folder, 'node_modules', name))
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'migrations', '1_cities.js'), MIGRATION)
  await writeFile(join(folder, 'seeds', 'cities.js'), SEED)
  await writeFile(join(folder, knexfile), text)
}

async function runKnex(
  { url }: TestServer,
  cwd: string,
  tenant: string | undefined,
  args: string[],
): Promise<{ output: string; code: number }> {
  const { host, port, user, password } = urlOptions(url)
  const command = [join(MODULES, 'knex', 'bin', 'cli.js'), ...args]
  const child = spawn(process.execPath, ['--import', TSX, ...command], {
    cwd,
    env: {
      PATH: process.env.PATH,
      NO_COLOR: '1',
      DB_HOST: host,
      DB_PORT: String(port),
      DB_USER: user,
      DB_PASSWORD: password,
      ...(tenant === undefined ? {} : { TENANT: tenant }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 15_000,
  })
  const exit = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit])
  return { output: out + err, code }
}

async function readCities(admin: Connection, tenant: string): Promise<string[] | undefined> {
  const [tables] = await admin.query<RowDataPacket[]>("SHOW TABLES FROM ?? LIKE 'cities'", [
    `tenant_${tenant}`,
  ])
  if (tables.length === 0) return undefined
  const [rows] = await admin.query<RowDataPacket[]>('SELECT name FROM ??.cities', [
    `tenant_${tenant}`,
  ])
  return rows.map(({ name }) => name)
}

onEachServer('Knex’s command with the knexfile of the documentation', (server) => {
  it('migrates, lists, seeds and rolls back one tenant, and no other', () =>
    withProject(server, 'knexfile.mjs', async ({ knex, cities, one, two }) => {
      expect((await knex(one, 'migrate:latest')).output).to.contain('Batch 1 run: 1 migrations')
      expect(await cities(two)).to.equal(undefined)
      const [again, other, list] = await Promise.all([
        knex(one, 'migrate:latest'),
        knex(two, 'migrate:latest'),
        knex(one, 'migrate:list'),
      ])
      expect(again.output).to.contain('Already up to date')
      expect(other.output).to.contain('Batch 1 run: 1 migrations')
      expect(list.output).to.contain('1_cities.js')

      const [rolledBack, seeded] = await Promise.all([
        knex(one, 'migrate:rollback'),
        knex(two, 'seed:run'),
      ])
      expect(rolledBack.output).to.contain('Batch 1 rolled back')
      expect(seeded.output).to.contain('Ran 1 seed files')
      expect(await cities(one)).to.equal(undefined)
      expect(await cities(two)).to.deep.equal([`tenant_${two}`])
      expect((await knex(one, 'migrate:status')).output).to.contain('Found 1 Pending')
    })).timeout(60_000)

  it('says what is missing without a tenant, or with an id that is none', () =>
    withProject(server, 'knexfile.mjs', async ({ knex }) => {
      const [without, wrong] = await Promise.all([
        knex(undefined, 'migrate:latest'),
        knex('No such/tenant', 'migrate:latest'),
      ])
      expect([without.code, wrong.code]).to.deep.equal([1, 1])
      expect(without.output).to.contain('Name a tenant: TENANT=acme npx knex migrate:latest')
      expect(wrong.output).to.contain('No such/tenant')
    })).timeout(60_000)

  it('makes migrations and seeds without a tenant, and runs them for one', () =>
    withProject(server, 'knexfile.mjs', async ({ knex, one, folder }) => {
      const made = await Promise.all([
        knex(undefined, 'migrate:make', 'towns'),
        knex(undefined, 'seed:make', 'towns'),
      ])
      expect(made.map(({ code }) => code)).to.deep.equal([0, 0])
      expect(await readdir(join(folder, 'seeds'))).to.include('towns.mjs')
      expect((await knex(one, 'migrate:latest')).output).to.contain('Batch 1 run: 2 migrations')
    })).timeout(60_000)

  it('asks an asynchronous `database` where the tenant is', () => {
    const lookUp = "createTenantKnex({ connection, database: async (id) => 'tenant_' + id })"
    const text = KNEXFILE.replace('createTenantKnex({ connection })', lookUp)
    expect(text).to.include(lookUp)
    const test = async ({ knex, cities, one, two }: Project): Promise<void> => {
      const { output, code } = await knex(one, 'migrate:latest')
      expect(code, output).to.equal(0)
      expect([await cities(one), await cities(two)]).to.deep.equal([[], undefined])
    }
    return withProject(server, 'knexfile.mjs', test, text)
  }).timeout(60_000)

  for (const knexfile of ['knexfile.js', 'knexfile.ts']) {
    it(`works as ${knexfile} too`, () =>
      withProject(server, knexfile, async ({ knex, cities, one, two }) => {
        const { output, code } = await knex(one, 'migrate:latest')
        expect(code, output).to.equal(0)
        expect([await cities(one), await cities(two)]).to.deep.equal([[], undefined])
      })).timeout(60_000)
  }
})
