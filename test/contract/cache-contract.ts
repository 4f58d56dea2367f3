import type { CacheOptions, TenantKnex } from '../../src/index.ts'

/** Runs a test with caches over the store that is tested, under a root of its own. */
export type WithStore = (
  options: CacheOptions,
  test: (tenantKnex: TenantKnex, root: string) => Promise<void>,
) => Promise<void>

/** What tests may know of the store. */
export interface StoreTraits {
  /** True where the store drops by itself what is no longer to be kept. */
  readonly expires: boolean
  /** True where the store can list its keys. */
  readonly lists: boolean
  /** All keys in it that begin with these letters; undefined where nobody can tell. */
  keys(start: string): Promise<string[] | undefined>
}

/** Defines tests that hold on every store. */
export type CacheContract = (withStore: WithStore, traits: StoreTraits) => void
