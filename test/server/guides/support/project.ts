import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const MODULES = join(ROOT, 'node_modules')
const COMPILER = join(MODULES, 'typescript', 'bin', 'tsc')
const BUILT = join(tmpdir(), `tenant-knex-built-${process.pid}`)
const WITHOUT = ['declaration', 'isolatedDeclarations', 'sourceMap', 'inlineSources']

/**
 * Runs a test in the folder of a user's project: it has these files, and all packages. This one is
 * there as CommonJS, built like the published one, because Jest can load nothing else.
 */
export async function withProject(
  files: Readonly<Record<string, string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tenant-knex-project-'))
  try {
    const modules = join(folder, 'node_modules')
    mkdirSync(modules)
    for (const name of readdirSync(MODULES)) {
      if (!name.startsWith('.')) symlinkSync(join(MODULES, name), join(modules, name), 'junction')
    }
    building ??= build()
    await building
    cpSync(BUILT, join(modules, 'tenant-knex'), { recursive: true }) // a link would find no packages
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    await test(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

let building: Promise<void> | undefined

/** Once for all tests of this process. */
async function build(): Promise<void> {
  process.once('exit', () => rmSync(BUILT, { recursive: true }))
  mkdirSync(BUILT)
  writeFileSync(join(BUILT, 'package.json'), '{ "name": "tenant-knex", "main": "index.js" }')
  const options = WITHOUT.flatMap((name) => [`--${name}`, 'false'])
  const project = join(ROOT, 'src', 'tsconfig.cjs.json')
  await run(process.execPath, [COMPILER, '-p', project, '--noCheck', ...options, '--outDir', BUILT])
}
