/**
 * What TypeScript sees of a bound Knex. Nothing here runs: `npm run types` checks that what must
 * compile does, and that each line under `@ts-expect-error` does not.
 */
import type { Keyv } from 'keyv'
import type { Knex } from 'knex'
import {
  type BoundKnex,
  type BoundTransaction,
  type Cached,
  createTenantKnex,
  type TenantCache,
  type TenantKnex,
} from '../../src/index.ts'

interface TypedRow {
  id: number
  name: string
}

declare module 'knex/types/tables.js' {
  interface Tables {
    types_test_simple: TypedRow
    types_test_full: Knex.CompositeTableType<TypedRow, Pick<TypedRow, 'name'>, Partial<TypedRow>>
  }
}

/** True where two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for what is exactly this type. */
type Exactly<Expected, T> = Same<Expected, T> extends true ? unknown : never
declare function exactly<Expected>(): <T>(value: T & Exactly<Expected, T>) => void

declare const tenantKnex: TenantKnex
declare const knex: BoundKnex

export function isKnex(): Knex {
  const takesKnex = (given: Knex): Knex => given
  takesKnex(tenantKnex.ambient)
  takesKnex(tenantKnex.current())
  takesKnex(tenantKnex('a'))
  const { id, database } = knex.tenant
  exactly<string>()(id)
  exactly<string | null>()(database)
  return knex
}

export function isNotEveryKnex(plain: Knex): void {
  // @ts-expect-error A plain Knex has no tenant.
  const bound: BoundKnex = plain
  // @ts-expect-error The tenant is not to be changed.
  knex.tenant = bound.tenant
  // @ts-expect-error Nor any part of it.
  knex.tenant.id = 'b'
}

export async function knowsTables(): Promise<void> {
  exactly<TypedRow[]>()(await knex('types_test_simple'))
  exactly<TypedRow | undefined>()(await knex('types_test_simple').where({ id: 1 }).first())
  exactly<Pick<TypedRow, 'name'>[]>()(await tenantKnex('a')('types_test_full').select('name'))
  exactly<TypedRow[]>()(await tenantKnex.ambient('types_test_simple'))
  exactly<TypedRow[]>()(await knex.from('types_test_simple').select('*'))
  exactly<{ val: number }[]>()(await knex<{ val: number }>('elsewhere'))

  await knex('types_test_full').insert({ name: 'x' })
  await knex('types_test_full').where({ id: 1 }).update({ name: 'x' })
  // @ts-expect-error The table's rows have no such column.
  await knex('types_test_full').insert({ title: 'x' })
  // @ts-expect-error A name is a string.
  await knex('types_test_full').update({ name: 1 })
}

export async function hasTransactions(): Promise<void> {
  exactly<TypedRow[]>()(
    await knex.transaction(async (trx) => {
      exactly<BoundTransaction>()(trx)
      return trx('types_test_simple')
    }),
  )
  const trx = await knex.transaction({ isolationLevel: 'serializable' })
  exactly<BoundTransaction>()(trx)
  knex('types_test_simple').transacting(trx)
  const provide = knex.transactionProvider({ readOnly: true })
  exactly<BoundTransaction>()(await provide())
  // @ts-expect-error A transaction is not a bound Knex: it has no tenant of its own.
  const bound: BoundKnex = trx
  void bound
}

export async function hasScopes(): Promise<void> {
  exactly<number>()(await tenantKnex.run('a', (bound) => bound.tenant.id.length))
  exactly<TypedRow[]>()(await tenantKnex.run('a', async (bound) => bound('types_test_simple')))
  exactly<TypedRow[]>()(await tenantKnex.run('a', (bound) => bound('types_test_simple')))
  // @ts-expect-error An id is a string.
  await tenantKnex.run(1, () => undefined)
  // @ts-expect-error An id is needed; the environment may not have it.
  tenantKnex(process.env.TENANT)
}

export async function joinsTransactions(): Promise<void> {
  exactly<number>()(
    await tenantKnex.transaction(async (trx) => {
      exactly<BoundTransaction>()(trx)
      exactly<BoundKnex>()(tenantKnex.current())
      return trx('types_test_simple').update({ name: 'x' })
    }),
  )
  exactly<TypedRow[]>()(await tenantKnex.transaction((trx) => trx('types_test_simple')))
  exactly<undefined>()(
    await tenantKnex.transaction(() => undefined, { isolationLevel: 'serializable' }),
  )
  // @ts-expect-error A function is needed: only what runs inside can join it.
  await tenantKnex.transaction({ readOnly: true })
  // @ts-expect-error Knex knows no such option.
  await tenantKnex.transaction(() => 1, { readonly: true })
}

export function hasOptions(): void {
  createTenantKnex({ connection: 'mysql://127.0.0.1/' })
  createTenantKnex({
    client: 'mysql2',
    connection: async () => ({ host: 'x', ssl: {}, expirationChecker: () => true }),
    pool: { max: 5 },
    migrations: { directory: './migrations' },
    postProcessResponse: (result, queryContext) => [result, queryContext],
    userParams: { a: 1 },
  })
  // @ts-expect-error There must be a connection.
  createTenantKnex({})
  // @ts-expect-error Each tenant has a database of its own.
  createTenantKnex({ connection: { host: 'x', database: 'x' } })
  // @ts-expect-error Only mysql2.
  createTenantKnex({ connection: 'mysql://127.0.0.1/', client: 'pg' })
  // @ts-expect-error No such option.
  createTenantKnex({ connection: 'mysql://127.0.0.1/', databse: (id: string) => id })
  // @ts-expect-error A database has a name.
  createTenantKnex({ connection: 'mysql://127.0.0.1/', database: async (id: string) => id.length })
}

export async function saysWhereATenantIs(): Promise<void> {
  createTenantKnex({ connection: 'mysql://127.0.0.1/', database: async (id: string) => id })
  createTenantKnex({
    connection: 'mysql://127.0.0.1/',
    database: (id) => (id === 'a' ? 'a' : null),
  })
  exactly<string>()((await tenantKnex.lookup('a')).database)
  exactly<string>()(tenantKnex.capture().tenant)
  exactly<number>()(await tenantKnex.restore({ tenant: 'a' }, () => 1))
  for (const result of await tenantKnex.each(['a'], async () => 1)) {
    if (result.status === 'fulfilled') exactly<number>()(result.value)
    else exactly<unknown>()(result.reason)
  }
}

export function keepsItsTenant(): void {
  const copy = knex.withUserParams({ a: 1 })
  const asKnex: Knex = copy
  void asKnex
  exactly<string>()(copy.tenant.id)
}

export async function hasCaches(): Promise<void> {
  exactly<TenantCache>()(knex.cache)
  exactly<TenantCache>()(tenantKnex.ambient.cache)
  exactly<TenantCache>()(tenantKnex.sharedCache)
  await knex.transaction(async (trx) => {
    exactly<TenantCache>()(trx.cache)
    await trx.transaction(async (nested) => exactly<TenantCache>()(nested.cache))
  })
  const keyv: Keyv = knex.cache
  void keyv
  exactly<number>()(await knex.cache.remember('key', {}, () => Promise.resolve(1)))
  exactly<TypedRow[]>()(await knex.cache.remember('key', {}, () => knex('types_test_simple')))
  exactly<string | undefined>()(await knex.cache.get<string>('key'))
  exactly<string | undefined>()(await knex.cache.get<Date>('key'))
  exactly<(string | undefined)[]>()(await knex.cache.get<Date>(['key']))
  exactly<Date>()(await knex.cache.remember<Date, Date>('key', {}, () => new Date()))
  const row = await knex.cache.remember('key', {}, async () => ({ at: new Date(), id: 1 }))
  exactly<{ at: string; id: number }>()(row)
  // @ts-expect-error what was a Date has become a text
  row.at.getTime()
  const big: never = await knex.cache.remember('key', {}, () => 1n)
  void big
  exactly<unknown>()(await knex.cache.get('key'))
}

class Money {
  readonly cents = 1
  plus(): Money {
    return this
  }
}

/** What a cache makes of values of these types, as the tests of the codec see it at run time. */
export function saysWhatJsonDoes(cached: {
  scalars: Cached<string | number | boolean | null | undefined>
  nested: Cached<{ readonly at?: Date; list: Date[]; pair: [Date, number] }>
  instance: Cached<Money>
  withToJson: Cached<{ toJSON(): { at: Date } }>
  url: Cached<URL>
  buffer: Cached<{ bytes: Buffer }>
  collections: Cached<{ map: Map<string, Date>; set: Set<number> }>
  dropped: Cached<{ a: 1; b: () => void; c: symbol; d: undefined; e?: () => void }>
  inArray: Cached<(Date | undefined | (() => void))[]>
  bigint: Cached<{ big: bigint }>
  unknown: Cached<unknown>
  union: Cached<Date | { at: Date } | null>
}): void {
  exactly<string | number | boolean | null | undefined>()(cached.scalars)
  exactly<{ readonly at?: string; list: string[]; pair: [string, number] }>()(cached.nested)
  exactly<{ readonly cents: 1 }>()(cached.instance)
  exactly<{ at: string }>()(cached.withToJson)
  exactly<string>()(cached.url)
  exactly<{ bytes: Buffer }>()(cached.buffer)
  exactly<{ map: Record<never, never>; set: Record<never, never> }>()(cached.collections)
  exactly<{ a: 1 }>()(cached.dropped)
  exactly<(string | null)[]>()(cached.inArray)
  exactly<{ big: never }>()(cached.bigint)
  exactly<unknown>()(cached.unknown)
  exactly<string | { at: string } | null>()(cached.union)
}
