import { ADAPTERS } from './list/adapters.ts'
import { CACHE } from './list/cache.ts'
import { COMMON_SESSIONS } from './list/common-sessions.ts'
import { GATE } from './list/gate.ts'
import { HIDDEN_CODE } from './list/hidden-code.ts'
import { KNEX } from './list/knex.ts'
import { LEASE } from './list/lease.ts'
import { LOCATING_AND_MANY } from './list/locating.ts'
import { IN_ONE_WRITE } from './list/one-write.ts'
import { POOL } from './list/pool.ts'
import { SERVER_QUESTIONS } from './list/questions.ts'
import { RESOLVE } from './list/resolve.ts'
import { SCHEDULING } from './list/scheduler.ts'
import { SESSION } from './list/session.ts'
import { SWITCH } from './list/switch.ts'
import { TABLE_NAMES } from './list/table-names.ts'
import { TENANT } from './list/tenant.ts'
import type { Mutant } from './mutant.ts'

/** All mutants, in the order of the rooms that a query passes. */
export const MUTANTS: readonly Mutant[] = [
  ...ADAPTERS,
  ...RESOLVE,
  ...TENANT,
  ...LOCATING_AND_MANY,
  ...CACHE,
  ...KNEX,
  ...POOL,
  ...SCHEDULING,
  ...SERVER_QUESTIONS,
  ...LEASE,
  ...GATE,
  ...SESSION,
  ...SWITCH,
  ...IN_ONE_WRITE,
  ...HIDDEN_CODE,
  ...COMMON_SESSIONS,
  ...TABLE_NAMES,
]
