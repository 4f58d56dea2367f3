/*
 * Runs storms on one server, each server in a process of its own: a storm keeps one core busy. Told
 * by its parent which, it sends each run when it is over, and ends with its parent.
 */
import { type OwnServer, startOwnServers } from '../../test/support/own-server.ts'
import { runStorm, type StormPlan } from './run-storm.ts'
import { prepareServer } from './world.ts'

/** What a child is told. */
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
