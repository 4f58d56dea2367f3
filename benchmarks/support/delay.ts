import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import mysql from 'mysql2/promise'
import { isBrief } from './brief.ts'
import type { Setting } from './contender.ts'
import { quartiles } from './statistics.ts'

const PINGS = isBrief ? 10 : 300

/** A delayed connection to a server. */
export interface Delayed {
  readonly host: string
  readonly port: number
  /** How much longer an answer takes, in milliseconds: the median. */
  readonly addedMillis: number
}

/** Runs a function with a server behind a delay, half of it each way. */
export async function withDelay<T>(
  connection: Setting['connection'],
  millis: number,
  fn: (delayed: Delayed) => Promise<T>,
): Promise<T> {
  const proxy = startProxy(connection, millis)
  try {
    const [port] = (await once(proxy, 'message')) as [number]
    const way = { host: '127.0.0.1', port }
    const [near, far] = [await pingMillis(connection), await pingMillis({ ...connection, ...way })]
    return await fn({ ...way, addedMillis: Number((far - near).toFixed(3)) })
  } finally {
    proxy.kill()
  }
}

/** A separate process, so that it takes no time of the client's. */
function startProxy({ host, port }: Setting['connection'], millis: number): ChildProcess {
  const file = fileURLToPath(new URL('./delay-proxy.ts', import.meta.url))
  return fork(file, [host, String(port), String(millis)], { execArgv: ['--import', 'tsx'] })
}

async function pingMillis(connection: Setting['connection']): Promise<number> {
  const client = await mysql.createConnection(connection)
  const times: number[] = []
  for (let ping = 0; ping < PINGS; ping++) {
    const startedAt = performance.now()
    await client.ping()
    times.push(performance.now() - startedAt)
  }
  client.destroy()
  return quartiles(times).median
}
