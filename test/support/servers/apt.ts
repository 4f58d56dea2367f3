import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { findExecutables } from './program.ts'

/** Whether this is Debian or a relative. */
export function hasApt(): boolean {
  return findExecutables('apt-get').length > 0
}

/** Whether apt may change the system. */
export function mayInstall(): boolean {
  return hasApt() && process.getuid?.() === 0
}

let last: Promise<unknown> = Promise.resolve()

/** Installs packages into the system, without what they merely recommend; one call at a time. */
export function installPackages(packages: readonly string[]): Promise<void> {
  const installed = last.then(async () => {
    await updateLists()
    await aptGet(['install', '-y', '--no-install-recommends', ...packages])
  })
  last = installed.catch(() => {})
  return installed
}

/** Brings the lists of packages up to date; stale ones may do where a source does not answer. */
export async function updateLists(): Promise<void> {
  await aptGet(['update']).catch(() => {})
}

// Not in a process group of its own, and not killed: that would leave packages half installed. It minds Ctrl-C itself.
async function aptGet(args: readonly string[]): Promise<void> {
  const child = spawn('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (code !== 0) throw new Error(`apt-get ${args.join(' ')} ended with ${code ?? signal}`)
}
