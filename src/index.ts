export type { Cached } from './cache/cached.ts'
export type { MemoryStats } from './cache/stores/memory-store.ts'
export type { RememberOptions, TenantCache } from './cache/tenant-cache.ts'
export type { CacheOptions, CacheSerializer } from './cache-options.ts'
export type { LookupOptions } from './cached-lookup.ts'
export type { ServerReport } from './connection/connect.ts'
export type {
  AcquireMessage,
  ConnectionMessage,
  DiscardMessage,
  DiscardReason,
  HandOverMessage,
  LeftoverMessage,
  RefusalMessage,
  ReleaseMessage,
  SwitchMessage,
  WaitMessage,
} from './diagnostics.ts'
export type { EachOptions, TenantResult } from './each-tenant.ts'
export {
  AcquireTimeoutError,
  type ErrorDetails,
  type HeldConnection,
  type Outcome,
  type PoolNumbers,
  TenantKnexError,
  type TenantKnexErrorCode,
} from './errors.ts'
export type { LocatedTenant, Tenant } from './identifiers.ts'
export type { AmbientKnex, BoundKnex, BoundTransaction } from './knex/bound-knex.ts'
export type {
  ConnectionSettings,
  KnexPassThrough,
  PoolOptions,
  ScopeOwner,
  TenantKnexOptions,
} from './options.ts'
export type { ServerCheck } from './pool/server-check.ts'
export type {
  ConnectionInfo,
  ConnectionState,
  ServerCounters,
  ServerStats,
} from './pool/stats.ts'
export {
  createTenantKnex,
  type DestroyOptions,
  type TenantKnex,
  type TenantKnexCheck,
  type TenantKnexStats,
} from './tenant-knex.ts'
export type { TenantToken } from './tenant-token.ts'
