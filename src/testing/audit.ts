import type { TenantKnex } from '../tenant-knex.ts'
import type { Claims } from './claims.ts'
import { ITEM_COUNT, ITEMS, MARKER, SHADE, WRITES } from './tables.ts'
import { findTag } from './tags.ts'

/** The facts that a database is compared with. */
export interface Ledger {
  readonly tenantKnex: TenantKnex
  readonly tenants: readonly string[]
  readonly run: string
  readonly claims: Claims
}

/** The rows of one operation, as found in a database. */
interface Written {
  readonly operation: number
  readonly part: number
  readonly count: number
  readonly tag: string
}

/**
 * Checks a tenant's database. It names the database in each query, so the result does not depend on the
 * connection's database. All rows that a storm claims to have written must be there, and no others.
 *
 * @returns a sentence for each problem
 */
export async function audit(ledger: Ledger, tenant: string): Promise<string[]> {
  const written = await writtenIn(ledger, tenant)
  return [
    ...(await auditOwners(ledger, tenant)),
    ...written.flatMap((found) => rowProblems(ledger, tenant, found)),
    ...auditClaims(ledger, tenant, written),
  ]
}

async function writtenIn({ tenantKnex }: Ledger, tenant: string): Promise<Written[]> {
  const knex = tenantKnex(tenant)
  const [rows] = await knex.raw(
    'SELECT operation, part, COUNT(*) AS count, MAX(tag) AS tag FROM ??.?? GROUP BY operation, part',
    [knex.tenant.database, WRITES],
  )
  return rows
}

/** Checks the tables that no operation writes to. */
async function auditOwners({ tenantKnex }: Ledger, tenant: string): Promise<string[]> {
  const knex = tenantKnex(tenant)
  const problems: string[] = []
  for (const [table, expected] of [
    [ITEMS, ITEM_COUNT],
    [SHADE, 1],
    [MARKER, 1],
  ] as const) {
    const [rows] = await knex.raw('SELECT tenant, COUNT(*) AS count FROM ??.?? GROUP BY tenant', [
      knex.tenant.database,
      table,
    ])
    const found = rows.map(
      (row: { tenant: string; count: number }) => `${row.count} of ${row.tenant}`,
    )
    if (found.join() !== `${expected} of ${tenant}`) {
      problems.push(`${table} of ${tenant} has ${found.join(', ')} rows`)
    }
  }
  return problems
}

/** The problem with rows that do not belong to this tenant, or that were written twice. */
function rowProblems(ledger: Ledger, tenant: string, found: Written): string[] {
  const { run, tenants, claims } = ledger
  const { operation, part, count } = found
  const tag = findTag(found.tag)
  const where = `in the database of ${tenant}: part ${part} of operation ${operation}`
  const owner = claims.tenantOf(operation)
  if (tag?.run !== run || owner === undefined) return [`${where}, which no operation wrote`]
  if (tenants[owner] !== tenant || tag.tenant !== owner || tag.operation !== operation) {
    return [`${where}, which belongs to ${tenants[owner]} (${found.tag})`]
  }
  return count > 1 ? [`${where}, ${count} times`] : []
}

/** Checks the number of rows of each operation: all, none, or either of them. */
function auditClaims(
  { claims, tenants }: Ledger,
  tenant: string,
  written: readonly Written[],
): string[] {
  const found = partsByOperation(written)
  const problems: string[] = []
  for (let operation = 1; operation <= claims.last; operation++) {
    if (tenants[claims.tenantOf(operation) ?? -1] !== tenant) continue
    const parts = found.get(operation) ?? []
    if (isAsClaimed(claims, operation, parts)) continue
    problems.push(
      `operation ${operation} of ${tenant}: ${parts.length} of ${claims.parts(operation)} rows ` +
        `are there, and ${claims.expected(operation)} must be`,
    )
  }
  return problems
}

function isAsClaimed(claims: Claims, operation: number, parts: readonly number[]): boolean {
  const expected = claims.expected(operation)
  const count = claims.parts(operation)
  if (parts.length === 0) return expected !== 'all'
  return expected !== 'none' && parts.length === count && parts.every((part) => part < count)
}

function partsByOperation(written: readonly Written[]): Map<number, number[]> {
  const parts = new Map<number, number[]>()
  for (const { operation, part } of written) {
    const list = parts.get(operation)
    if (list) list.push(part)
    else parts.set(operation, [part])
  }
  return parts
}
