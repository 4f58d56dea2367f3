import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { localProgram } from './servers/local-program.ts'
import { Reaper } from './servers/reaper.ts'
import { say } from './servers/say.ts'
import type { ServerName } from './servers/server-name.ts'
import { prepareThrowaway, type Throwaway } from './servers/throwaway.ts'

const FREEZING_MILLIS = 50

/** Small, and committed data survives a SIGKILL. */
const SETTINGS: readonly string[] = [
  '--innodb-buffer-pool-size=32M',
  '--innodb-flush-log-at-trx-commit=2',
  '--performance-schema=OFF',
]

/** A database server for one test, which may stop, kill and freeze it. */
export interface OwnServer {
  readonly name: 'MariaDB' | 'MySQL'
  /** URL of the root account; the same after every start. */
  readonly adminUrl: string
  /** Starts it again, with additional settings. */
  start(settings?: readonly string[]): Promise<void>
  /** Shuts it down cleanly. */
  stop(): Promise<void>
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
  /** SIGSTOP: its sockets stay open, but it answers nothing. */
  freeze(): Promise<void>
  /** SIGCONT. */
  thaw(): void
}

/** Servers that were started here. */
export interface OwnServers {
  readonly servers: readonly OwnServer[]
  stop(): Promise<void>
}

/**
 * Starts a MariaDB and a MySQL beside the shared ones, from programs on this machine: a container or a remote
 * server cannot be frozen. If one cannot be started, it prints a clear message; if `CI` is set, it fails.
 */
export async function startOwnServers(
  names: readonly OwnServer['name'][] = ['MariaDB', 'MySQL'],
): Promise<OwnServers> {
  const reaper = new Reaper()
  try {
    const started = await Promise.all(
      names.map((name) => startOwnServer(reaper, name.toLowerCase() as ServerName, name)),
    )
    return { servers: started.filter((server) => server !== undefined), stop: () => reaper.end() }
  } catch (error) {
    await reaper.end()
    throw error
  }
}

async function startOwnServer(
  reaper: Reaper,
  program: ServerName,
  name: OwnServer['name'],
): Promise<OwnServer | undefined> {
  const found = await localProgram(reaper, program)
  if (found) return runOwnServer(name, await prepareThrowaway(reaper, program, found))
  if (process.env.CI) throw new Error(`There is no program of ${name} to start.`)
  say(`NO ${name.toUpperCase()} OF ITS OWN for tests that stop their server: no such program here`)
  return undefined
}

async function runOwnServer(name: OwnServer['name'], throwaway: Throwaway): Promise<OwnServer> {
  let running: ChildProcess
  const start = async (settings: readonly string[] = []): Promise<void> => {
    running = await throwaway.start([...SETTINGS, ...settings])
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    running.ref() // otherwise this process might end while it waits
    const ended = once(running, 'exit')
    running.kill(signal)
    await ended
  }
  await start()
  return {
    name,
    adminUrl: throwaway.url,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: async () => {
      running.kill('SIGSTOP')
      await sleep(FREEZING_MILLIS) // some threads continue for a moment
    },
    thaw: () => void running.kill('SIGCONT'),
  }
}
