import { inspect } from 'node:util'
import { expect } from 'chai'
import knex, { type Knex } from 'knex'
import {
  ITEMS,
  type TestServer,
  type TestTenants,
  type TestTenantsOptions,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

/** What is done with a Knex, and returns all that was seen. */
export type Run = (knex: Knex) => Promise<unknown>

/**
 * Does the same with a bound Knex and with a plain one, and expects both to tell the same. Both
 * databases have the same rows, of the tenant `mine`. All the while a third tenant, `other`, uses the
 * pool, which has one connection by default: about every statement of the bound Knex switches.
 */
export function sameAsPlain(
  server: TestServer,
  run: Run,
  options: TestTenantsOptions = {},
): Promise<void> {
  const setup = { pool: { max: 1 }, ...options, tenants: ['other', 'bound', 'plain'] }
  return withTenants(server, setup, async (context) => {
    await labelRows(context, ['bound', 'plain'])
    const plain = plainKnex(context, 'plain', options)
    try {
      const expected = await describeRun(run, plain, context)
      const seen = await besideOther(context, () =>
        describeRun(run, context.tenantKnex('bound'), context),
      )
      expect(seen).to.equal(expected)
      expect(seen).not.to.contain('other')
      await checkOther(context)
    } finally {
      await plain.destroy()
    }
  })
}

/** A Knex without tenants, on the database of one. */
export function plainKnex(
  { url, databaseOf }: TestTenants,
  tenantId: string,
  {
    connection,
    pool: _pool,
    database: _database,
    tenants: _tenants,
    ...config
  }: TestTenantsOptions,
): Knex {
  const database = databaseOf(tenantId)
  const settings = typeof connection === 'object' ? connection : urlOptions(url)
  return knex({
    ...(config as Knex.Config),
    client: 'mysql2',
    connection: (typeof connection === 'function'
      ? async () => ({ ...(await connection()), database })
      : { ...settings, database }) as Knex.MySql2ConnectionConfig,
    pool: { min: 0, max: 4 },
  })
}

async function labelRows({ admin, databaseOf }: TestTenants, ids: string[]): Promise<void> {
  for (const id of ids) await admin.query("UPDATE ??.items SET tenant = 'mine'", [databaseOf(id)])
}

/** All that was seen, with its types; databases and savepoints go by one name. */
async function describeRun(run: Run, knex: Knex, { databaseOf }: TestTenants): Promise<string> {
  const seen = inspect(await run(knex), { depth: null, sorted: true, maxArrayLength: null })
  expect(seen).not.to.equal('undefined')
  return seen
    .replaceAll(databaseOf('bound'), '<database>')
    .replaceAll(databaseOf('plain'), '<database>')
    .replaceAll(/SAVEPOINT trx\d+/g, 'SAVEPOINT <name>')
}

async function besideOther<T>({ tenantKnex }: TestTenants, run: () => Promise<T>): Promise<T> {
  let isRunning = true
  const rounds = async () => {
    while (isRunning) await tenantKnex('other')('items').where({ id: 1 })
  }
  const other = rounds()
  try {
    return await run()
  } finally {
    isRunning = false
    await other
  }
}

async function checkOther({ admin, databaseOf }: TestTenants): Promise<void> {
  const [tables] = await admin.query('SHOW TABLES FROM ??', [databaseOf('other')])
  expect(tables).to.have.lengthOf(1)
  const [rows] = await admin.query(
    'SELECT tenant, COUNT(*) AS n, SUM(val) AS val FROM ??.items GROUP BY tenant',
    [databaseOf('other')],
  )
  expect(rows).to.deep.equal([{ tenant: 'other', n: ITEMS, val: '0' }])
}
