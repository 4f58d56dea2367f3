import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TAG = '3.1.5'
const REPOSITORY = 'https://github.com/Vincit/objection.js.git'
/** The packages that Objection and its tests load, without the drivers of other databases. */
const PACKAGES = ['ajv', 'ajv-formats', 'db-errors', 'bluebird', 'chai', 'chai-subset']
PACKAGES.push('expect.js', 'lodash', 'mocha', 'uuid')
/** Our copies, because the tests compare Knex's classes. */
const SHARED = ['knex', 'mysql2']

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Makes a folder with Objection's source and the packages that its tests need. */
export async function checkOut(folder: string, database: string): Promise<string> {
  const source = join(folder, 'objection')
  const repository = process.env.OBJECTION_REPOSITORY ?? REPOSITORY
  const args = ['-c', 'advice.detachedHead=false', 'clone', '--quiet', '--depth', '1']
  await run('git', [...args, '--branch', TAG, repository, source], folder)
  await install(folder, source)
  renameDatabase(join(source, 'tests', 'integration'), database)
  return source
}

async function install(folder: string, source: string): Promise<void> {
  const lock = JSON.parse(readFileSync(join(source, 'package-lock.json'), 'utf8'))
  const wanted = PACKAGES.map((name) => `${name}@${lock.packages[`node_modules/${name}`].version}`)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const flags = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--loglevel=error',
  ]
  await run('npm', ['install', ...flags, ...wanted], folder)
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  for (const name of SHARED) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
}

/** The names of the tests' databases are fixed in their source. */
function renameDatabase(folder: string, database: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const text = readFileSync(file, 'utf8')
    if (text.includes('objection_test')) {
      writeFileSync(file, text.replaceAll('objection_test', database))
    }
  }
}

/** Runs a command. Its output goes to standard error. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  const stdio = ['ignore', 2, 2] as const
  const child = spawn(command, args, { cwd, stdio: [...stdio], env: { ...process.env, ...env } })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code === null) throw new Error(`${command} was ended`)
  return code
}
