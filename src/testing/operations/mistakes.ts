import knex from 'knex'
import type { TenantKnex } from '../../tenant-knex.ts'
import { call, type RawConnection, withConnection } from '../raw-connection.ts'
import type { StormOperation } from '../storm-operation.ts'
import { ITEMS, WRITES } from '../tables.ts'
import { row } from './writes.ts'

type AmbientKnex = TenantKnex['ambient']

/** A plain Knex of another database. It never connects. */
const central = knex({ client: 'mysql2', connection: { database: 'central' }, pool: { min: 0 } })

/** Objects that code may take from `ambient` in one tenant's scope and use in another's. */
const KEPT: readonly ((ambient: AmbientKnex) => () => PromiseLike<unknown>)[] = [
  ({ schema }) =>
    () =>
      schema.hasTable(ITEMS),
  ({ migrate }) =>
    () =>
      migrate.currentVersion(),
  (ambient) => {
    const copy = ambient.withUserParams({})
    return () => copy(ITEMS)
  },
  (ambient) => ambient.transactionProvider(),
  ({ client }) =>
    () =>
      client.acquireConnection(),
  ({ cache }) =>
    async () =>
      cache.get('key'),
]

/** Mistakes that applications make. Each must be refused before anything is sent. */
export const MISTAKE_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'USE',
    weight: 3,
    run: (storm) => {
      const { database } = storm.tenantKnex(storm.otherTenant).tenant
      return storm.refused(() => storm.knex.raw('USE ??', [database]), 'ERR_STATEMENT_REFUSED')
    },
  },
  {
    name: "name another tenant's database",
    run: (storm) => {
      const { database } = storm.tenantKnex(storm.otherTenant).tenant
      return storm.refused(() => storm.knex(ITEMS).withSchema(String(database)), 'ERR_WRONG_TENANT')
    },
  },
  {
    name: "await a builder in another tenant's scope",
    weight: 2,
    run: async (storm) => {
      const { tenantKnex, tenant, otherTenant } = storm
      // In an array, because a builder alone would be awaited.
      const [builder] = await tenantKnex.run(tenant, () => [tenantKnex.ambient(ITEMS)])
      await tenantKnex.run(otherTenant, () => storm.refused(() => builder, 'ERR_WRONG_TENANT'))
    },
  },
  {
    name: "use what `ambient` gave in another tenant's scope",
    weight: 2,
    run: async (storm) => {
      const { tenantKnex, tenant, otherTenant } = storm
      const take = KEPT[storm.between(0, KEPT.length - 1)] as (typeof KEPT)[number]
      const kept = await tenantKnex.run(tenant, () => take(tenantKnex.ambient))
      await tenantKnex.run(otherTenant, () => storm.refused(kept, 'ERR_WRONG_TENANT'))
    },
  },
  {
    name: 'outlive a transaction in scope',
    weight: 2,
    run: async (storm) => {
      const { tenantKnex, tenant } = storm
      storm.deny()
      const builders: PromiseLike<unknown>[] = []
      await tenantKnex.run(tenant, () =>
        tenantKnex.transaction(() => {
          builders.push(tenantKnex.ambient(WRITES).insert(row(storm, 0)))
        }),
      )
      await storm.refused(() => builders[0], 'ERR_TRANSACTION_OVER')
    },
  },
  {
    name: "nest a plain Knex's builder",
    run: (storm) => {
      const inner = central(ITEMS).select('id')
      return storm.refused(() => storm.knex(ITEMS).whereIn('id', inner), 'ERR_WRONG_TENANT')
    },
  },
  {
    name: "nest another tenant's builder",
    weight: 2,
    run: (storm) => {
      const inner = storm.tenantKnex(storm.otherTenant)(ITEMS).select('id')
      return storm.refused(() => storm.knex(ITEMS).whereIn('id', inner), 'ERR_WRONG_TENANT')
    },
  },
  {
    name: "use another tenant's transaction",
    weight: 2,
    run: async (storm) => {
      const other = storm.tenantKnex(storm.otherTenant)
      storm.deny()
      await storm.knex.transaction(async (trx) => {
        const insert = () => other(WRITES).transacting(trx).insert(row(storm, 0))
        await storm.refused(insert, 'ERR_WRONG_TENANT')
      })
    },
  },
  {
    name: 'keep a connection',
    weight: 3,
    run: async (storm) => {
      storm.deny()
      let kept: RawConnection | undefined
      await withConnection(storm.knex, async (connection) => {
        kept = connection
        await call(connection, 'query', 'START TRANSACTION')
      })
      const method = storm.random() < 0.5 ? 'query' : 'execute'
      const insert = () =>
        call(
          kept as RawConnection,
          method,
          `INSERT INTO ${WRITES} (operation, part, tag) VALUES (?, ?, ?)`,
          Object.values(row(storm, 0)),
        )
      await storm.refused(insert, 'ERR_WRONG_TENANT')
    },
  },
]
