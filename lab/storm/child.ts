/*
 * Runs storms on one server. Each server has its own process, because a storm keeps one core busy. The parent
 * sends the orders. The child sends each result, and ends with its parent.
 */
import { type OwnServer, startOwnServers } from '../../test/support/own-server.ts'
import { runStorm, type StormPlan } from './run-storm.ts'
import { prepareServer } from './world.ts'

/** The orders of a child. */
export interface Orders {
  readonly server: OwnServer['name']
  readonly plans: readonly StormPlan[]
}

const onOrphaned = (): never => process.exit(1)
process.on('disconnect', onOrphaned)
process.once('message', ({ server, plans }: Orders) => void obey(server, plans))

async function obey(name: OwnServer['name'], plans: readonly StormPlan[]): Promise<void> {
  const { servers, stop } = await startOwnServers([name])
  try {
    for (const server of servers) {
      await prepareServer(server)
      for (const plan of plans) process.send?.(await runStorm(server, plan))
    }
  } finally {
    await stop()
  }
  process.off('disconnect', onOrphaned)
  process.disconnect()
}
