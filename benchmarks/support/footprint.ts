import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import type { Setting } from './contender.ts'

/** The growth of a process after one query of each of many tenants. */
export interface Footprint {
  readonly name: string
  /** The largest number of open sockets. */
  readonly sockets: number
  readonly poolMax: number
  /** The heap after collecting all garbage. */
  readonly heapBytes: number
  readonly residentBytes: number
}

/** The task of a process. */
export interface FootprintTask {
  readonly contender: 'plain' | 'tenants'
  readonly setting: Setting
}

const POOL_MAX = 20

/** Queries each of this many tenants once, in a separate process. */
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
