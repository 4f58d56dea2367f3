import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@keyv/redis'
import { type OwnRedis, startOwnRedis } from '../../../support/own-redis.ts'

/** Starts a Redis cluster of one node with all slots. A new cluster waits two seconds. */
export async function startRedisCluster(): Promise<OwnRedis | undefined> {
  const server = await startOwnRedis({ args: ['--cluster-enabled', 'yes'] })
  if (server === undefined) return undefined
  const client = await createClient({ url: server.url }).connect()
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
  const isReady = async (): Promise<boolean> =>
    String(await client.sendCommand(['CLUSTER', 'INFO'])).startsWith('cluster_state:ok')
  while (!(await isReady())) await sleep(50)
  client.destroy()
  return server
}
