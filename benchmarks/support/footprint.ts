import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import type { Setting } from './contender.ts'

/** What a process holds more than before, after each of many tenants was asked once. */
export interface Footprint {
  readonly name: string
  /** Most sockets that were open at a time. */
  readonly sockets: number
  readonly poolMax: number
  /** Of the heap, once all garbage is collected. */
  readonly heapBytes: number
  readonly residentBytes: number
}

/** What a process is asked to do. */
export interface FootprintTask {
  readonly contender: 'plain' | 'tenants'
  readonly setting: Setting
}

const POOL_MAX = 20

/** Asks each of so many tenants once, in a process of its own. */
export async function footprintOf(
  field: Field,
  contender: FootprintTask['contender'],
  tenants: number,
): Promise<Footprint> {
  const databases = await field.databases(tenants)
  const setting = { connection: await field.account(0), poolMax: POOL_MAX, databases }
  const file = fileURLToPath(new URL('./footprint-process.ts', import.meta.url))
  const flags = isBrief ? ['--brief'] : []
  const child = fork(file, flags, { execArgv: ['--expose-gc', '--import', 'tsx'] })
  child.send({ contender, setting } satisfies FootprintTask)
  const answered = once(child, 'message') as Promise<[Footprint]>
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The process ended with ${code}.`)
  })
  const [footprint] = await Promise.race([answered, ended])
  ended.catch(() => undefined)
  return footprint
}
