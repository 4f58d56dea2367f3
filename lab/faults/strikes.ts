import type { Stage } from './stage.ts'

/** One fault: how it begins, and how it ends. */
export interface Fault {
  readonly name: string
  strike(stage: Stage): Promise<void>
  /** True if there is no pool left to recover. */
  readonly isFinal?: true
  /** True if moving megabytes would take minutes. */
  readonly isTrickle?: true
}

/** The faults that can strike in any phase. */
export const FAULTS = {
  kill: {
    name: 'KILL CONNECTION',
    strike: (stage) => killAll(stage, 'KILL'),
  },
  killQuery: {
    name: 'KILL QUERY',
    strike: (stage) => killAll(stage, 'KILL QUERY'),
  },
  cut: {
    name: 'connections cut (FIN)',
    strike: async ({ proxy }) => proxy.cut(),
  },
  reset: {
    name: 'connections cut (RST)',
    strike: async ({ proxy }) => proxy.reset(),
  },
  blackHole: {
    name: 'network swallows everything',
    strike: async (stage) => {
      stage.heal = () => stage.proxy.endBlackHole()
      stage.proxy.blackHole()
    },
  },
  refused: {
    name: 'connections cut, new ones refused',
    strike: async (stage) => {
      stage.heal = () => stage.proxy.accept()
      await stage.proxy.refuse()
      stage.proxy.cut()
    },
  },
  delay: {
    name: 'network slow by 50 ms each way',
    strike: async (stage) => {
      stage.heal = () => stage.proxy.delay(0)
      stage.proxy.delay(50)
    },
  },
  slice: {
    name: 'data arrives byte by byte',
    isTrickle: true,
    strike: async (stage) => {
      stage.heal = () => stage.proxy.slice(0)
      stage.proxy.slice(1)
    },
  },
  freeze: {
    name: 'server frozen (SIGSTOP), then thawed',
    strike: async (stage) => {
      stage.heal = () => stage.world.server.thaw()
      await stage.world.server.freeze()
    },
  },
  restart: {
    name: 'server restarted',
    strike: async ({ world: { server } }) => {
      await server.stop()
      await server.start()
    },
  },
  crash: {
    name: 'server killed (SIGKILL), started again',
    strike: async ({ world: { server } }) => {
      await server.kill()
      await server.start()
    },
  },
  block: {
    name: 'event loop blocked for longer than every limit',
    strike: async () => block(2_500),
  },
  destroy: {
    name: 'tenantKnex.destroy(), which waits',
    isFinal: true,
    strike: async ({ tenantKnex }) => void tenantKnex.destroy(),
  },
  destroyNow: {
    name: 'tenantKnex.destroy(), whose time runs out',
    isFinal: true,
    strike: ({ tenantKnex }) => tenantKnex.destroy({ timeoutMillis: 50 }),
  },
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS

/** Blocks this whole process. */
export function block(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}

async function killAll({ world }: Stage, command: string): Promise<void> {
  for (const id of await world.connectionIds()) {
    await world.sql(`${command} ${id}`).catch(() => undefined) // the connection may have ended
  }
}
