import type { CacheOptions, TenantKnex } from '../../src/index.ts'

/** Runs a test with caches over the tested store, under a root of their own. */
export type WithStore = (
  options: CacheOptions,
  test: (tenantKnex: TenantKnex, root: string) => Promise<void>,
) => Promise<void>

/** The properties of the store that tests may use. */
export interface StoreTraits {
  /** True if the store itself drops entries whose time is over. */
  readonly expires: boolean
  /** True if the store can list its keys. */
  readonly lists: boolean
  /** All keys in the store with this prefix. Undefined if they cannot be listed. */
  keys(start: string): Promise<string[] | undefined>
}

/** Defines tests that hold on every store. */
export type CacheContract = (withStore: WithStore, traits: StoreTraits) => void
