import type { TenantKnexOptions } from '../../src/index.ts'
import type { Contender } from '../support/contender.ts'
import { GIVEN_OPTIONS } from '../support/given-options.ts'
import { OURS, ROUND_TRIPS } from '../support/names.ts'

/** Another name, and other options than the defaults: for this library only. */
interface Tuning {
  readonly name?: string
  readonly options?: Partial<TenantKnexOptions>
}

/** Loads each contender separately, so that a process contains no code of the others. */
const LOADERS = {
  plain: async () => (await import('./plain-knex.ts')).plainKnex,
  'with-schema': async () => (await import('./qualified-knex.ts')).qualifiedKnex,
  'tenant-knex': async ({ name, options }) =>
    (await import('./tenant-knex.ts')).tenantKnex(name, options),
  'without-affinity': async () => (await import('./changed-tenant-knex.ts')).withoutAffinity(),
  'without-widening': async () => (await import('./changed-tenant-knex.ts')).withoutWidening(),
  'always-widening': async () => (await import('./changed-tenant-knex.ts')).alwaysWidening(),
  'knex-per-tenant': async () => (await import('./knex-per-tenant.ts')).knexPerTenant,
  'knex-per-tenant-tuned': async () => (await import('./knex-per-tenant.ts')).tunedKnexPerTenant,
  'lru-of-50': async () => (await import('./lru-of-pools.ts')).lruOfPools(50),
  'lru-of-200': async () => (await import('./lru-of-pools.ts')).lruOfPools(200),
  'change-user': async () => (await import('./change-user.ts')).changeUser,
  'use-always': async () => (await import('./use-always.ts')).useAlways,
  'lazy-use': async () => (await import('./lazy-use.ts')).lazyUse,
  'kysely-hook': async () => (await import('./kysely-hook.ts')).kyselyHook,
  'mikro-orm-fork': async () => (await import('./mikro-orm-fork.ts')).mikroOrmFork,
} as const satisfies Record<string, (tuning: Tuning) => Promise<Contender>>

/** The key of a contender. */
export type ContenderKey = keyof typeof LOADERS

/** A contender to load, in this process or in one of its own. */
export interface Entry extends Tuning {
  readonly key: ContenderKey
}

/** Plain Knex is the baseline of all comparisons. */
export const PLAIN_KNEX: Entry = { key: 'plain' }

/** One database for each tenant without any switch: the limit for so many tables. */
export const QUALIFIED_KNEX: Entry = { key: 'with-schema' }

/** This library with its defaults, or once with each of the options that the command names. */
export const OUR_ENTRIES: readonly Entry[] =
  GIVEN_OPTIONS.length > 0
    ? GIVEN_OPTIONS.map((options) => ours(`${OURS} ${JSON.stringify(options)}`, options))
    : [ours()]

/** The baseline, the limit and this library, which stand beside each other in each comparison. */
export const MAIN_ENTRIES: readonly Entry[] = [PLAIN_KNEX, QUALIFIED_KNEX, ...OUR_ENTRIES]

/** This library with a round trip for each switch. */
export const WITH_ROUND_TRIPS: Entry = ours(ROUND_TRIPS, { switching: 'roundtrip' })

/** Contenders with one pool of at most `poolMax` connections. They can live beside each other. */
export const SHARING: readonly Entry[] = [
  ...MAIN_ENTRIES,
  { key: 'change-user' },
  { key: 'use-always' },
  { key: 'lazy-use' },
  { key: 'kysely-hook' },
  { key: 'mikro-orm-fork' },
]

/** Contenders with a pool for each tenant. They need at least as many connections as there are tenants. */
export const POOLING: readonly Entry[] = [
  { key: 'knex-per-tenant' },
  { key: 'knex-per-tenant-tuned' },
  { key: 'lru-of-50' },
  { key: 'lru-of-200' },
]

/** This library with other options than the defaults. */
export function ours(name: string = OURS, options: Partial<TenantKnexOptions> = {}): Entry {
  return { key: 'tenant-knex', name, options }
}

/** The keys of all contenders. */
export const CONTENDER_KEYS: readonly string[] = Object.keys(LOADERS)

/** Loads a contender's code. */
export function loadContender({ key, ...tuning }: Entry): Promise<Contender> {
  return LOADERS[key](tuning)
}
