import KeyvRedis, { createClient, createCluster } from '@keyv/redis'
import NodeCache from 'node-cache'
import { say } from '../../../support/servers/say.ts'
import { TEST_ROOT } from './caches.ts'
import { startRedisCluster } from './redis-cluster.ts'
import { SmallAdapter } from './small-adapter.ts'

/** An open store for some tests. */
export interface OpenStore {
  /** The option `cache.store`. */
  readonly store: string | object | undefined
  /** The keys with this prefix, for tests of remaining keys. Undefined if they cannot be listed. */
  keys(start: string): Promise<string[] | undefined>
  close(): Promise<void>
}

/** A store on which a cache must keep all its promises. */
export interface TestStore {
  readonly title: string
  /** True if the server itself drops entries whose time is over. */
  readonly expires: boolean
  /** False if the keys cannot be listed. */
  readonly lists: boolean
  /** Undefined if its server is not available. With `CI` set that is a failure. */
  open(): Promise<OpenStore | undefined>
}

/** The members that tests use of the results of `createClient` and `createCluster`. */
interface Scanned {
  scanIterator(options: object): AsyncIterable<string[]>
}

const done = async (): Promise<void> => undefined

/** All kinds of stores that `cache.store` accepts. */
export const STORES: readonly TestStore[] = [
  {
    title: 'in this process',
    expires: false,
    lists: true,
    open: async () => ({ store: undefined, keys: async () => undefined, close: done }),
  },
  {
    title: 'Redis by URL',
    expires: true,
    lists: true,
    open: () => onRedis(async (url) => ({ store: url, close: done })),
  },
  {
    title: 'Redis by options',
    expires: true,
    lists: true,
    open: () => onRedis(async (url) => ({ store: { url }, close: done })),
  },
  {
    title: "the user's own Redis client",
    expires: true,
    lists: true,
    open: () =>
      onRedis(async (url) => {
        const client = await createClient({ url }).connect()
        return { store: client, close: async () => client.destroy() }
      }),
  },
  {
    title: 'a KeyvRedis',
    expires: true,
    lists: true,
    open: () =>
      onRedis(async (url) => {
        const store = new KeyvRedis(url)
        return { store, close: () => store.disconnect(true) }
      }),
  },
  { title: 'a Redis cluster', expires: true, lists: true, open: openCluster },
  {
    title: 'a Map',
    expires: false,
    lists: true,
    open: async () => {
      const store = new Map<string, unknown>()
      return { store, keys: async (start) => starting(store.keys(), start), close: done }
    },
  },
  {
    title: 'a Keyv adapter without getMany and iterator',
    expires: false,
    lists: false,
    open: async () => {
      const store = new SmallAdapter()
      return { store, keys: async (start) => starting(store.keys(), start), close: done }
    },
  },
  {
    title: 'node-cache',
    expires: true,
    lists: true,
    open: async () => {
      const store = new NodeCache({ checkperiod: 0 })
      return {
        store,
        keys: async (start) => starting(store.keys(), start).filter((key) => store.has(key)),
        close: async () => store.close(),
      }
    },
  },
]

/** Defines the same tests for each store. */
export function onEachStore(
  title: string,
  define: (opened: () => OpenStore, kind: TestStore) => void,
): void {
  for (const kind of STORES) {
    describe(`${title}, with ${kind.title}`, () => {
      let opened: OpenStore | undefined
      before(async function () {
        opened = await kind.open()
        if (opened === undefined) this.skip()
      })
      after(() => opened?.close())
      define(() => opened as OpenStore, kind)
    })
  }
}

/** The Redis that tests share. Undefined, with a warning, if there is none. */
export function redisUrl(): string | undefined {
  const url = process.env.TENANT_KNEX_REDIS_URL
  if (url) return url
  if (process.env.CI) throw new Error('No Redis. Run the tests with `npm test`.')
  say('NO REDIS for the tests of the cache')
  return undefined
}

async function onRedis(
  open: (url: string) => Promise<Pick<OpenStore, 'store' | 'close'>>,
): Promise<OpenStore | undefined> {
  const url = redisUrl()
  if (url === undefined) return undefined
  const { store, close } = await open(url)
  const looker = await createClient({ url }).connect()
  return {
    store,
    keys: (start) => keysOf(looker, start),
    close: async () => {
      const left = await keysOf(looker, TEST_ROOT)
      if (left.length > 0) await looker.unlink(left)
      await close()
      looker.destroy()
    },
  }
}

async function openCluster(): Promise<OpenStore | undefined> {
  const server = await startRedisCluster()
  if (server === undefined) return undefined
  const looker = await createClient({ url: server.url }).connect()
  const store = createCluster({ rootNodes: [{ url: server.url }] })
  await store.connect()
  return {
    store,
    keys: (start) => keysOf(looker, start),
    close: async () => {
      store.destroy()
      looker.destroy()
      await server.destroy()
    },
  }
}

async function keysOf(client: unknown, start: string): Promise<string[]> {
  const keys: string[] = []
  for await (const batch of (client as Scanned).scanIterator({
    MATCH: `${start}*`,
    COUNT: 1_000,
  })) {
    keys.push(...batch)
  }
  return starting(keys, start)
}

function starting(keys: Iterable<string>, start: string): string[] {
  return [...new Set(keys)].filter((key) => key.startsWith(start))
}
