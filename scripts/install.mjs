// Updates node_modules to match package-lock.json, so that a fresh clone needs no other step. It is plain
// JavaScript, because it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const lock = new URL('package-lock.json', root)
// npm writes this file at the end of an install.
const installedLock = new URL('node_modules/.package-lock.json', root)

if (!existsSync(lock)) fail('there is no package-lock.json to install from')
const reason = findReason()
if (reason) install(reason)

function findReason() {
  if (!existsSync(installedLock)) return 'nothing is installed yet'
  // A newer install was made on purpose (`npm install --no-save`), so it is kept.
  if (modified(installedLock) >= modified(lock)) return undefined
  // A checkout may change the file's time and not its content.
  return isInstalled() ? undefined : 'package-lock.json has changed'
}

function isInstalled() {
  const installed = readPackages(installedLock)
  return Object.entries(readPackages(lock)).every(([path, wanted]) => {
    const present = installed[path]
    // An optional package is for other platforms.
    if (!present) return path === '' || wanted.optional === true
    return present.version === wanted.version && present.integrity === wanted.integrity
  })
}

function install(why) {
  console.error(`install: ${why}, running npm ci`)
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund']
  const { status, signal, error } = spawnSync('npm', args, {
    cwd: root,
    stdio: ['inherit', process.stderr, process.stderr],
    shell: process.platform === 'win32',
  })
  if (status === 0) return
  fail(`npm ci failed: ${error?.message ?? signal ?? `exit code ${status}`}`)
}

function readPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages
}

function modified(file) {
  return statSync(file).mtimeMs
}

function fail(message) {
  console.error(`install: ${message}`)
  process.exit(1)
}
