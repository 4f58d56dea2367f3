import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { findExecutables } from './program.ts'
import type { Reaper } from './reaper.ts'
import { messageOf, run } from './run.ts'

const LOCK_TIMEOUT_SECONDS = 120

/** True on Debian and its relatives. */
export function hasApt(): boolean {
  return findExecutables('apt-get').length > 0
}

/** True if apt may change the system. */
export function mayInstall(): boolean {
  return hasApt() && process.getuid?.() === 0
}

let lastInstallation: Promise<void> = Promise.resolve()

/** Installs packages, without the packages that they only recommend. One call runs at a time. */
export function installPackages(reaper: Reaper, packages: readonly string[]): Promise<void> {
  const installation = lastInstallation.then(async () => {
    await updateLists(reaper)
    await install(reaper, packages)
  })
  lastInstallation = installation.catch(() => {})
  return installation
}

let update: Promise<void> | undefined

/** Updates apt's lists of packages, once. If that fails, the present lists are used. */
export function updateLists(reaper: Reaper): Promise<void> {
  update ??= updateWhenUnlocked(reaper)
  return update
}

async function updateWhenUnlocked(reaper: Reaper): Promise<void> {
  const deadline = Date.now() + LOCK_TIMEOUT_SECONDS * 1000
  for (;;) {
    try {
      await run(reaper, 'apt-get', ['-qq', 'update'])
      return
    } catch (error) {
      if (!/could not get lock/i.test(messageOf(error)) || Date.now() > deadline) return
    }
    await sleep(1_000)
  }
}

// Not interrupted, because that could leave the system's packages broken.
async function install(reaper: Reaper, packages: readonly string[]): Promise<void> {
  const options = [`DPkg::Lock::Timeout=${LOCK_TIMEOUT_SECONDS}`, 'Dpkg::Use-Pty=0']
  const args = [
    ...options.flatMap((option) => ['-o', option]),
    'install',
    '-qq',
    '-y',
    '--no-install-recommends',
  ]
  const child = reaper.spawnUninterrupted('apt-get', [...args, ...packages], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  })
  const [code, signal] = await once(child, 'exit')
  if (code !== 0) throw new Error(`apt-get install ended with ${code ?? signal}`)
}
