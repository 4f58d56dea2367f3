import type { Contender } from '../support/contender.ts'

/** Loads each contender separately, so that a process contains no code of the others. */
const LOADERS = {
  plain: async () => (await import('./plain-knex.ts')).plainKnex,
  'tenant-knex': async () => (await import('./tenant-knex.ts')).tenantKnex(),
  'knex-per-tenant': async () => (await import('./knex-per-tenant.ts')).knexPerTenant,
  'knex-per-tenant-tuned': async () => (await import('./knex-per-tenant.ts')).tunedKnexPerTenant,
  'lru-of-50': async () => (await import('./lru-of-pools.ts')).lruOfPools(50),
  'lru-of-200': async () => (await import('./lru-of-pools.ts')).lruOfPools(200),
  'change-user': async () => (await import('./change-user.ts')).changeUser,
  'use-always': async () => (await import('./use-always.ts')).useAlways,
  'lazy-use': async () => (await import('./lazy-use.ts')).lazyUse,
  'with-schema': async () => (await import('./qualified-knex.ts')).qualifiedKnex,
  'kysely-hook': async () => (await import('./kysely-hook.ts')).kyselyHook,
  'mikro-orm-fork': async () => (await import('./mikro-orm-fork.ts')).mikroOrmFork,
} as const satisfies Record<string, () => Promise<Contender>>

/** The key of a contender. */
export type ContenderKey = keyof typeof LOADERS

/** Contenders with one pool of at most `poolMax` connections. They can live beside each other. */
export const SHARING: readonly ContenderKey[] = [
  'plain',
  'tenant-knex',
  'change-user',
  'use-always',
  'lazy-use',
  'with-schema',
  'kysely-hook',
  'mikro-orm-fork',
]

/** Contenders with a pool for each tenant. They need at least as many connections as there are tenants. */
export const POOLING: readonly ContenderKey[] = [
  'knex-per-tenant',
  'knex-per-tenant-tuned',
  'lru-of-50',
  'lru-of-200',
]

/** Loads a contender's code. */
export function loadContender(key: ContenderKey): Promise<Contender> {
  return LOADERS[key]()
}
