import { setTimeout as sleep } from 'node:timers/promises'
import { pick } from '../../../src/testing/random.ts'
import type { StormFault } from '../../../src/testing/storm-fault.ts'
import type { Direction, Link } from '../../../test/support/proxy-link.ts'
import type { World } from '../world.ts'
import { aim, type Phase } from './aim.ts'

/** Applies a fault to a connection whose data is held back. */
type Strike = (link: Link, world: World, random: () => number) => void | Promise<void>

/** Longer than a switch may take. */
const BLACK_MILLIS = 450

/** How long a slow network lasts, and how long to wait for a cut. */
const WEATHER_MILLIS = 60

const STRIKES: Readonly<Record<string, Strike>> = {
  'KILL CONNECTION': (link, world) => kill(world, `KILL ${link.connectionId}`),
  'KILL QUERY': (link, world) => kill(world, `KILL QUERY ${link.connectionId}`),
  'connection cut (FIN)': (link) => link.cut(),
  'connection cut (RST)': (link) => link.reset(),
  'connection cut within what is sent': (link, _world, random) => cut(link, 'sent', random),
  'connection cut within answers': (link, _world, random) => cut(link, 'answers', random),
  'network swallows everything': async (link) => {
    link.blacken()
    await sleep(BLACK_MILLIS)
    link.cut()
  },
  'slow network': async (link, _world, random) => {
    link.weather.delayMillis = 5 + Math.floor(random() * 50)
    link.release()
    await sleep(WEATHER_MILLIS)
    link.weather.delayMillis = 0
  },
  'data in small pieces': async (link, _world, random) => {
    link.weather.sliceBytes = 1 + Math.floor(random() * 7)
    link.release()
    await sleep(WEATHER_MILLIS)
    link.weather.sliceBytes = 0
  },
}

/** The names of the faults. */
export const CONNECTION_FAULTS: readonly string[] = Object.keys(STRIKES)

/** Faults that strike one connection, in a random phase. */
export function connectionFaults(world: World, phases: readonly Phase[]): readonly StormFault[] {
  return Object.entries(STRIKES).map(([name, strike]) => ({
    name,
    weight: 10,
    strike: async ({ random }) => {
      const target = await aim(world, pick(random, phases), random)
      if (target === undefined) return { none: 1 }
      try {
        await strike(target.link, world, random)
      } finally {
        target.link.release()
      }
      return { [target.phase]: 1 }
    },
  }))
}

/** The connection may have ended by itself. */
async function kill({ admin }: World, sql: string): Promise<void> {
  await admin.sql(sql).catch(() => undefined)
}

/** Cuts early in the next data: usually in a switch, if there is one. */
async function cut(link: Link, direction: Direction, random: () => number): Promise<void> {
  const most = random() < 0.7 ? 120 : 6_000
  link.weather.cutAfter({ direction, bytes: Math.floor(random() * most) })
  link.release()
  const deadline = Date.now() + WEATHER_MILLIS
  while (link.isOpen && Date.now() < deadline) await sleep(2)
  link.cut()
}
