import { EntitySchema, MikroORM, type MySqlDriver, type SqlEntityManager } from '@mikro-orm/mysql'
import type { Contender, Operation, Row } from '../support/contender.ts'
import { FLOOR } from '../support/data.ts'
import { executeOn, rowsOf } from '../support/knex-access.ts'

/** A row of `items`, in any database. */
interface Item {
  id: number
  tenant: string
  val: number
  name: string
  category: string
  price: string
  quantity: number
  rating: number
  is_active: number
  note: string | null
  created_at: Date
  updated_at: Date
}

const ITEM = new EntitySchema<Item>({
  name: 'Item',
  tableName: 'items',
  schema: '*',
  properties: {
    id: { type: 'integer', primary: true },
    tenant: { type: 'string' },
    val: { type: 'integer' },
    name: { type: 'string' },
    category: { type: 'string' },
    price: { type: 'decimal' },
    quantity: { type: 'integer' },
    rating: { type: 'double' },
    is_active: { type: 'tinyint' },
    note: { type: 'string', nullable: true },
    created_at: { type: 'datetime' },
    updated_at: { type: 'datetime' },
  },
})

/** MikroORM with one entity manager for each request. Its fork gets the tenant's database. */
export const mikroOrmFork: Contender = {
  name: 'MikroORM, `fork({ schema })`',
  async open({ connection, poolMax }) {
    const orm = await MikroORM.init<MySqlDriver>({
      ...connection,
      dbName: FLOOR,
      entities: [ITEM],
      pool: { min: 0, max: poolMax },
    })
    const managerOf = (database: string): SqlEntityManager => orm.em.fork({ schema: database })
    return {
      session: (database) => execute.bind(undefined, managerOf(database)),
      query: async (database, sql) => rowsOf([await managerOf(database).execute(sql)]),
      execute: (database, sql) => executeOn(managerOf(database).getKnex() as never, sql),
      close: () => orm.close(),
    }
  },
}

type Read = (manager: SqlEntityManager, fields: (keyof Item)[], id: number) => Promise<Item | null>

/** Three kinds of reads, as with Knex. Each must ask the database, not the request's identity map. */
const READS: readonly Read[] = [
  (manager, fields, id) => manager.findOne(ITEM, id, { fields, refresh: true }) as never,
  async (manager, fields, id) =>
    (await manager.find(ITEM, { id: { $in: [id] } }, { fields, refresh: true }))[0] as never,
  async (manager, fields, id) => {
    const options = { fields, refresh: true, orderBy: { id: 'asc' as const }, limit: 1 }
    return (await manager.find(ITEM, { id: { $gte: id } }, options))[0] as never
  },
]

async function execute(manager: SqlEntityManager, operation: Operation): Promise<Row | undefined> {
  const { id } = operation
  if (operation.kind === 'read') {
    const read = READS[operation.columns.length % READS.length] as Read
    return (
      ((await read(manager, operation.columns as (keyof Item)[], id)) as Row | null) ?? undefined
    )
  }
  await manager.nativeUpdate(ITEM, { id }, { val: operation.value })
  return undefined
}
