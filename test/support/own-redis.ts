import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from './servers/program.ts'
import { Reaper } from './servers/reaper.ts'
import { say } from './servers/say.ts'
import { prepareThrowaway } from './servers/throwaway.ts'

const FREEZING_MILLIS = 50

/** What a Redis is started with. */
export interface OwnRedisOptions {
  /** Arguments beside the usual ones: `['--maxmemory', '3mb']`. */
  readonly args?: readonly string[]
}

/** A Redis of one test's own, which may be stopped, killed and paused. It keeps nothing. */
export interface OwnRedis {
  /** The same after every start. */
  readonly url: string
  readonly port: number
  /** Shuts it down in good order. */
  stop(): Promise<void>
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
  /** SIGSTOP: its sockets stay open, nothing is answered. */
  pause(): Promise<void>
  /** SIGCONT. */
  resume(): void
  /** Starts it again at the same address and empty, whether it runs or not. */
  restart(args?: readonly string[]): Promise<void>
  /** Ends it for good and removes its folder. */
  destroy(): Promise<void>
}

/**
 * Starts a Redis beside that which tests share, from a program on this machine: a container or a
 * server elsewhere cannot be paused. Without a program it says so loudly and gives undefined; with
 * `CI` set that is a failure.
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
    running.ref() // else nothing might keep this process waiting
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
      await sleep(FREEZING_MILLIS) // some threads go on for a moment
    },
    resume: () => void running.kill('SIGCONT'),
    restart: async (args) => {
      await end('SIGKILL')
      running = await start(args)
    },
    destroy: () => reaper.end(),
  }
}
