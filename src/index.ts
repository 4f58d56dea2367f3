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
} from './base/diagnostics.ts'
export {
  type ErrorDetails,
  type Outcome,
  TenantKnexError,
  type TenantKnexErrorCode,
} from './base/errors.ts'
export type { LookupOptions } from './base/lookup-options.ts'
export type { Cached } from './cache/cached.ts'
export type { MemoryStats } from './cache/stores/memory-store.ts'
export type { RememberOptions, TenantCache } from './cache/tenant-cache.ts'
export type { HiddenCode } from './connection/hidden-code/verdict.ts'
export type { ServerReport } from './connection/inspect.ts'
export { createTenantKnex } from './create-tenant-knex.ts'
export type { AmbientKnex, BoundKnex, BoundTransaction } from './knex/bound-knex.ts'
export type { CacheOptions, CacheSerializer } from './options/cache.ts'
export type { ConnectionSettings } from './options/connection.ts'
export type { ScopeOwner, TenantKnexOptions } from './options/options.ts'
export type { KnexPassThrough } from './options/pass-through.ts'
export type { PoolOptions } from './options/pool.ts'
export {
  AcquireTimeoutError,
  type HeldConnection,
  type PoolNumbers,
} from './pool/acquire-timeout.ts'
export type { PlainReport } from './pool/hidden-code/plain-databases.ts'
export type { ServerCheck } from './pool/server-check.ts'
export type {
  ConnectionInfo,
  ConnectionState,
  ServerCounters,
  ServerStats,
} from './pool/stats.ts'
export type {
  DestroyOptions,
  TenantKnex,
  TenantKnexCheck,
  TenantKnexStats,
} from './tenant-knex.ts'
export type { EachOptions, TenantResult } from './tenants/each.ts'
export type { LocatedTenant, Tenant } from './tenants/tenant.ts'
export type { TenantToken } from './tenants/token.ts'
