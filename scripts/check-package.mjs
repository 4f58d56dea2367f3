// Checks the package as users get it: packs it, installs the tarball into an empty folder with its peers, and
// uses it there from ES modules, CommonJS, Jest and strict TypeScript.
//
// If TENANT_KNEX_MARIADB_URL is set, as by `npm run servers -- npm run check:package`, each consumer also
// writes and reads rows. It deletes everything that it creates.
import { randomBytes } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findAny } from './check-package/declarations.mjs'
import { interrupt, run } from './check-package/run.mjs'

const SERVER = process.env.TENANT_KNEX_MARIADB_URL
const CONSUMER_TIMEOUT_MILLIS = 60_000
const ENTRIES = [
  'index',
  'adapters/express',
  'adapters/fastify',
  'adapters/hapi',
  'adapters/koa',
  'adapters/objection',
  'resolve/index',
  'testing/index',
]

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const fixtures = join(root, 'scripts', 'check-package', 'consumer')
// A resolved path, because Jest compares paths.
const temp = realpathSync(mkdtempSync(join(tmpdir(), 'tenant-knex-package-')))
const consumer = join(temp, 'consumer')
const packed = join(temp, 'packed')
// The tools' temporary files are deleted together with ours.
const scratch = join(temp, 'tmp')

// In this order. A check that depends on a failed one is skipped.
const PREPARATIONS = [
  ['npm pack, which builds', pack],
  ['npm install of the tarball into an empty folder', install],
]
const CHECKS = [
  ['publint', publint],
  ['attw: node10, node16 from CommonJS and from ESM, bundler', attw],
  ['declarations without any', declarations],
  ['ES modules', () => useWith('node', ['esm.mjs'])],
  ['CommonJS', () => useWith('node', ['commonjs.cjs'])],
  ['both copies in one process', () => useWith('node', ['both.mjs'])],
  ['a storm, with ES modules, CommonJS and both', () => useWith('node', ['storm.mjs'], 2)],
  ['Objection, with ES modules, CommonJS and both', () => useWith('node', ['objection.mjs'])],
  [
    'the subpaths for requests, in both formats and in one process',
    () => useWith('node', ['requests.mjs']),
  ],
  ['nothing but itself is loaded to resolve requests', () => useWith('node', ['light.mjs'])],
  ['Jest', () => useWith(consumerBin('jest'), ['--ci'])],
  ['TypeScript, ES modules', () => typed('mts', 'mjs')],
  ['TypeScript, CommonJS', () => typed('cts', 'cjs')],
]

const counts = { passed: 0, failed: 0 }
let interruption
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, onSignal)

try {
  await main()
} finally {
  rmSync(temp, { recursive: true, force: true, maxRetries: 5 })
}
if (interruption) process.exit(128 + constants.signals[interruption])
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed === 0 ? 0 : 1

async function main() {
  for (const folder of [consumer, packed, scratch]) mkdirSync(folder)
  if (!SERVER) sayNoServer()
  for (const preparation of PREPARATIONS) {
    if (!(await check(preparation))) return
  }
  for (const each of CHECKS) await check(each)
}

function sayNoServer() {
  console.log('NO SERVER: TENANT_KNEX_MARIADB_URL is not set, so nothing is written or read')
  // On CI a skipped check counts as failed.
  if (process.env.CI) counts.failed += 1
}

async function check([title, fn]) {
  if (interruption) return false
  const since = performance.now()
  try {
    await fn()
    counts.passed += 1
  } catch (error) {
    if (interruption) return false
    counts.failed += 1
    console.log(`FAILED  ${title}\n${error instanceof Error ? error.message : error}`)
    return false
  }
  console.log(`passed  ${title} (${((performance.now() - since) / 1000).toFixed(1)} s)`)
  return true
}

async function pack() {
  await run('npm', ['pack', '--pack-destination', packed], options(root))
}

async function publint() {
  await run(join(bin, 'publint'), ['run', tarball(), '--strict'], options(root))
}

async function attw() {
  await run(join(bin, 'attw'), [tarball(), '--no-definitely-typed', '--no-color'], options(root))
}

async function install() {
  writeFileSync(join(consumer, 'package.json'), JSON.stringify(consumerPackage(), null, 2))
  // These packages need no install scripts, and the consumer is temporary.
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  await run('npm', args, options(consumer))
  cpSync(fixtures, consumer, { recursive: true })
}

function consumerPackage() {
  return {
    private: true,
    dependencies: {
      'tenant-knex': `file:${tarball()}`,
      knex: lockedVersion('knex'),
      mysql2: lockedVersion('mysql2'),
      objection: lockedVersion('objection'),
    },
    devDependencies: {
      '@types/node': lockedVersion('@types/node'),
      jest: '^30.0.0',
      typescript: lockedVersion('typescript'),
    },
  }
}

function lockedVersion(name) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return packages[`node_modules/${name}`].version
}

function declarations() {
  for (const format of ['esm', 'cjs']) {
    const folder = join(consumer, 'node_modules', 'tenant-knex', 'dist', format)
    const found = ENTRIES.flatMap((entry) => findAny(join(folder, `${entry}.d.ts`)))
    if (found.length > 0) throw new Error(found.join('\n'))
  }
}

async function typed(sourceExtension, outputExtension) {
  for (const name of ['typed', 'typed-objection']) {
    await typedConsumer(name, sourceExtension, outputExtension)
  }
}

async function typedConsumer(name, sourceExtension, outputExtension) {
  const source = `${name}.${sourceExtension}`
  // Stored as *.ts.txt, because this project's compiler would include *.ts files and their table types.
  copyFileSync(join(consumer, `${name}.ts.txt`), join(consumer, source))
  // Without --skipLibCheck: our declarations, Knex's and mysql2's are checked too.
  const args = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  await run(consumerBin('tsc'), [...args, '--outDir', 'compiled', source], options(consumer))
  await useWith('node', [join('compiled', `${name}.${outputExtension}`)])
}

/** Runs a consumer. If there is a server, it gets databases for its tenants. */
async function useWith(command, args, count = 1) {
  if (!SERVER) return use(command, args, {})
  const tenants = Array.from({ length: count }, () => `check_${randomBytes(6).toString('hex')}`)
  try {
    for (const tenant of tenants) await query(`CREATE DATABASE tenant_${tenant}`)
    await use(command, args, { CHECK_TENANT: tenants[0], CHECK_TENANTS: tenants.join() })
  } finally {
    for (const tenant of tenants) await query(`DROP DATABASE IF EXISTS tenant_${tenant}`)
  }
}

async function use(command, args, env) {
  const { env: common } = options(consumer)
  await run(command, args, {
    cwd: consumer,
    env: { ...common, ...env },
    timeout: CONSUMER_TIMEOUT_MILLIS,
  })
}

async function query(sql) {
  const { createConnection } = await import('mysql2/promise')
  const connection = await createConnection(SERVER)
  try {
    await connection.query(sql)
  } finally {
    await connection.end()
  }
}

function tarball() {
  return join(packed, readdirSync(packed)[0])
}

function consumerBin(name) {
  return join(consumer, 'node_modules', '.bin', name)
}

function options(cwd) {
  return { cwd, env: { TMPDIR: scratch, TEMP: scratch, TMP: scratch } }
}

function onSignal(signal) {
  interruption ??= signal
  interrupt(signal)
}
