import { setTimeout as sleep } from 'node:timers/promises'
import type { StormFault } from '../../../src/testing/storm-fault.ts'
import { hangUp } from '../../faults/world.ts'
import { ACCOUNT, connectStrangers, type World } from '../world.ts'
import { phasesOf } from './aim.ts'

const MAX_CONNECTIONS = 300

/** Faults that strike a server, and so all its connections. */
export function serverFaults(world: World): readonly StormFault[] {
  const { server, admin, proxy } = world
  const fault = (
    name: string,
    weight: number,
    strike: (random: () => number) => Promise<void>,
  ): StormFault => ({
    name,
    weight,
    strike: async ({ random }) => {
      const phases = phasesOf(world)
      await strike(random)
      return phases
    },
  })
  return [
    fault('server restarted', 0.15, async () => {
      await server.stop()
      await world.startServer()
    }),
    fault('server killed (SIGKILL) and started', 0.15, async () => {
      await server.kill()
      await world.startServer()
    }),
    fault('server frozen, for less than the limits', 1, (random) => freeze(world, 300 * random())),
    fault('server frozen, for longer than the limits', 0.15, () => freeze(world, 2_500)),
    fault('connections cut, new ones refused', 1.5, async (random) => {
      await proxy.refuse()
      proxy.cut()
      await sleep(200 * random())
      await proxy.accept()
    }),
    fault('max_user_connections reached', 1.5, async (random) => {
      await admin.sql(`ALTER USER ${ACCOUNT} WITH MAX_USER_CONNECTIONS 3`)
      proxy.cut()
      await sleep(200 * random())
      await admin.sql(`ALTER USER ${ACCOUNT} WITH MAX_USER_CONNECTIONS 0`)
    }),
    fault('max_connections reached', 1, async (random) => {
      await admin.sql('CREATE USER IF NOT EXISTS tk_stranger; SET GLOBAL max_connections = 10')
      proxy.reset()
      const strangers = await connectStrangers(server, 8)
      await sleep(200 * random())
      for (const stranger of strangers) await hangUp(stranger)
      await admin.sql(`SET GLOBAL max_connections = ${MAX_CONNECTIONS}`)
    }),
    fault('server read-only', 2, async (random) => {
      await admin.sql('SET GLOBAL read_only = 1')
      await sleep(100 * random())
      await admin.sql('SET GLOBAL read_only = 0')
    }),
    fault('event loop blocked', 2, async (random) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50 + 500 * random())
    }),
  ]
}

async function freeze({ server }: World, millis: number): Promise<void> {
  await server.freeze()
  await sleep(millis)
  server.thaw()
}
