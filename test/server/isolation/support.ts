import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import { expect } from 'chai'
import type { TenantKnex } from '../../../src/index.ts'
import { rejection, type TestServer, urlOptions, withTenants } from '../../support/tenants.ts'

type Callback<T> = (error: Error | null, result: T) => void

/** mysql2's callback interface, which a raw connection offers. */
export interface RawLease {
  readonly threadId: number
  readonly config: Record<string, unknown>
  query(sql: unknown, callback: Callback<unknown>): object
  query(sql: unknown): StartedQuery
  execute(sql: unknown, callback: Callback<unknown>): object
  execute(sql: unknown): StartedQuery
  prepare(sql: string, callback: Callback<Prepared>): void
  unprepare(sql: string): unknown
  beginTransaction(callback: Callback<unknown>): void
  commit(callback: Callback<unknown>): void
  rollback(callback: Callback<unknown>): void
  ping(callback: Callback<unknown>): void
  changeUser(options: object, callback: Callback<unknown>): void
  reset(callback: Callback<unknown>): void
  pause(): void
  resume(): void
  end(callback?: Callback<unknown>): void
  close(): void
  destroy(): void
  on(event: string, listener: (...args: unknown[]) => void): unknown
  format(sql: string, values?: unknown): string
  promise(): PromiseLease
}

/** What `query` gives at once: mysql2's own command. */
export interface StartedQuery extends EventEmitter {
  stream(options?: object): Readable
}

/** mysql2's promise interface of the same. */
export interface PromiseLease extends EventEmitter {
  query(sql: unknown): Promise<[Row[]]>
  execute(sql: unknown): Promise<[Row[]]>
  prepare(sql: string): Promise<{ execute(values: unknown[]): Promise<[Row[]]> }>
  ping(): Promise<boolean>
  end(): Promise<void>
  destroy(): void
  close(): void
  pause(): void
  resume(): void
  format(sql: string, values?: unknown): string
}

/** A handle of a prepared statement. */
export interface Prepared {
  execute(values: unknown[], callback: Callback<unknown>): void
  close(): void
}

/** A row with columns of any name. */
export type Row = Record<string, unknown>

/** A function with a callback as its last argument, as a promise. */
export function promised<T = unknown>(fn: (callback: Callback<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    fn((error, result) => (error ? reject(error) : resolve(result)))
  })
}

/** Runs a statement on a raw connection. */
export function ask(
  lease: RawLease,
  sql: unknown,
  method: 'query' | 'execute' = 'query',
): Promise<Row[]> {
  return promised<unknown>((callback) => lease[method](sql, callback)) as Promise<Row[]>
}

/** Prepares a statement on a raw connection. */
export function prepare(lease: RawLease, sql: string): Promise<Prepared> {
  return promised<Prepared>((callback) => lease.prepare(sql, callback))
}

/** Executes a prepared statement. */
export function runPrepared(statement: Prepared): Promise<Row[]> {
  return promised<unknown>((callback) => statement.execute([], callback)) as Promise<Row[]>
}

/** The rows of a stream, as soon as it hands them out, and the error that it ends with, if any. */
export function drain(stream: Readable): Promise<{ rows: unknown[]; error?: Error }> {
  return new Promise((resolve) => {
    const rows: unknown[] = []
    stream.on('data', (row) => rows.push(row))
    stream.on('error', (error) => resolve({ rows, error })) // Knex's does not close then
    stream.on('close', () => resolve({ rows }))
  })
}

/** Acquires a tenant's raw connection, which the test releases, or not. */
export function acquire(tenantKnex: TenantKnex, id: string): Promise<RawLease> {
  return tenantKnex(id).client.acquireConnection()
}

/** Releases it through the client of the same or another tenant. */
export function release(tenantKnex: TenantKnex, id: string, lease: RawLease): Promise<void> {
  return tenantKnex(id).client.releaseConnection(lease)
}

/** Runs a function with a raw connection of a tenant. */
export async function withLease<T>(
  tenantKnex: TenantKnex,
  id: string,
  fn: (lease: RawLease) => Promise<T>,
): Promise<T> {
  const lease = await acquire(tenantKnex, id)
  try {
    return await fn(lease)
  } finally {
    await release(tenantKnex, id, lease)
  }
}

/** Runs statements one after another on one raw connection of a tenant. */
export function runAs(tenantKnex: TenantKnex, id: string, statements: string[]): Promise<void> {
  return withLease(tenantKnex, id, async (lease) => {
    for (const sql of statements) await ask(lease, sql)
  })
}

/** One connection, so that what one tenant leaves is what the next one finds. */
export function onOneConnection(
  server: TestServer,
  test: Parameters<typeof withTenants>[2],
  options: object = {},
): Promise<void> {
  return withTenants(server, { pool: { max: 1 }, ...options }, test)
}

/** The same, with several statements allowed in one. */
export function withMultipleStatements(
  server: TestServer,
  test: Parameters<typeof withTenants>[2],
): Promise<void> {
  const connection = { ...urlOptions(server.url), multipleStatements: true }
  return onOneConnection(server, test, { connection, allowMultipleStatements: true })
}

/** Tenants named in the rows that a tenant's plain read gives. */
export async function tenantsRead(tenantKnex: TenantKnex, id: string): Promise<unknown[]> {
  return tenantKnex(id)('items').distinct().pluck('tenant')
}

/** Every tenant reads its own rows only, and all of them have the value they began with. */
export async function expectUntouched(tenantKnex: TenantKnex, ids = ['a', 'b']): Promise<void> {
  for (const id of ids) {
    const rows = await tenantKnex(id)('items').select('tenant', 'val')
    expect(rows, id).to.deep.equal(Array.from({ length: 5 }, () => ({ tenant: id, val: 0 })))
  }
}

/** A statement whose result was withheld because it had left its tenant's database. */
export async function expectWithheld(statement: Promise<unknown>): Promise<void> {
  expect(await rejection(statement)).to.include({
    code: 'ERR_WRONG_TENANT',
    tenant: 'a',
    outcome: 'executed',
  })
}

/** A call that a connection refuses after its release. */
export async function expectReleased(call: Promise<unknown>): Promise<void> {
  expect(await rejection(call)).to.include({
    code: 'ERR_WRONG_TENANT',
    tenant: 'a',
    outcome: 'not-sent',
  })
}
