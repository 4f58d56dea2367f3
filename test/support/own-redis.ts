import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from './servers/program.ts'
import { Reaper } from './servers/reaper.ts'
import { say } from './servers/say.ts'
import { prepareThrowaway } from './servers/throwaway.ts'

const FREEZING_MILLIS = 50

/** Options of a Redis. */
export interface OwnRedisOptions {
  /** Additional arguments: `['--maxmemory', '3mb']`. */
  readonly args?: readonly string[]
}

/** A Redis for one test, which may stop, kill and pause it. It stores nothing on disk. */
export interface OwnRedis {
  /** The same after every start. */
  readonly url: string
  readonly port: number
  /** Shuts it down cleanly. */
  stop(): Promise<void>
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
  /** SIGSTOP: its sockets stay open, but it answers nothing. */
  pause(): Promise<void>
  /** SIGCONT. */
  resume(): void
  /** Restarts it at the same address without data, even if it is running. */
  restart(args?: readonly string[]): Promise<void>
  /** Stops it for good and removes its folder. */
  destroy(): Promise<void>
}

/**
 * Starts a Redis beside the shared one, from a program on this machine: a container or a remote server cannot
 * be paused. If there is no program, it prints a clear message and returns undefined; if `CI` is set, it
 * fails.
 */
export async function startOwnRedis({
  args = [],
}: OwnRedisOptions = {}): Promise<OwnRedis | undefined> {
  const program = findProgram('redis')
  if (program === undefined) {
    if (process.env.CI) throw new Error('There is no program of Redis to start.')
    say('NO REDIS OF ITS OWN for tests that stop their server: no such program here')
    return undefined
  }
  const reaper = new Reaper()
  try {
    const { url, start } = await prepareThrowaway(reaper, 'redis', program)
    return ownRedis(url, await start(args), (more = args) => start(more), reaper)
  } catch (error) {
    await reaper.end()
    throw error
  }
}

function ownRedis(
  url: string,
  started: ChildProcess,
  start: (args?: readonly string[]) => Promise<ChildProcess>,
  reaper: Reaper,
): OwnRedis {
  let running = started
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return
    running.ref() // otherwise this process might end while it waits
    const ended = once(running, 'exit')
    running.kill(signal)
    running.kill('SIGCONT')
    await ended
  }
  return {
    url,
    port: Number(new URL(url).port),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: async () => {
      running.kill('SIGSTOP')
      await sleep(FREEZING_MILLIS) // some threads continue for a moment
    },
    resume: () => void running.kill('SIGCONT'),
    restart: async (args) => {
      await end('SIGKILL')
      running = await start(args)
    },
    destroy: () => reaper.end(),
  }
}
