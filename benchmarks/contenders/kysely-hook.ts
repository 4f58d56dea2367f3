import { AsyncLocalStorage } from 'node:async_hooks'
import { CompiledQuery, type DatabaseConnection, Kysely, MysqlDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import type { Contender, Operation, Row } from '../support/contender.ts'

/** The table `items` for Kysely's types. */
interface Database {
  readonly items: Row & { readonly id: number; val: number }
}

/** Kysely over one pool. Its hook selects the database of the request that acquires a connection. */
export const kyselyHook: Contender = {
  name: 'Kysely, `USE` when needed',
  async open({ connection, poolMax }) {
    const tenant = new AsyncLocalStorage<string>()
    const databases = new WeakMap<DatabaseConnection, string>()
    let switches = 0
    const onReserveConnection = async (reserved: DatabaseConnection): Promise<void> => {
      const database = tenant.getStore()
      if (database === undefined) throw new Error('There is no tenant here.')
      if (databases.get(reserved) === database) return
      databases.delete(reserved)
      await reserved.executeQuery(CompiledQuery.raw(`USE \`${database}\``))
      databases.set(reserved, database)
      switches++
    }
    const pool = createPool({ ...connection, connectionLimit: poolMax })
    const kysely = new Kysely<Database>({
      dialect: new MysqlDialect({ pool, onReserveConnection }),
    })
    return {
      session: (database) => (operation) => tenant.run(database, execute, kysely, operation),
      query: (database, text) =>
        tenant.run(database, async () => (await sql.raw<Row>(text).execute(kysely)).rows),
      close: () => kysely.destroy(),
      switches: () => switches,
    }
  },
}

type Read = (kysely: Kysely<Database>, columns: string[], id: number) => Promise<Row | undefined>

/** Three kinds of reads, as with Knex. */
const READS: readonly Read[] = [
  (kysely, columns, id) =>
    kysely.selectFrom('items').select(columns).where('id', '=', id).limit(1).executeTakeFirst(),
  (kysely, columns, id) =>
    kysely.selectFrom('items').select(columns).where('id', 'in', [id]).executeTakeFirst(),
  (kysely, columns, id) => {
    const items = kysely.selectFrom('items').select(columns).where('id', '>=', id)
    return items.orderBy('id').limit(1).executeTakeFirst()
  },
]

async function execute(kysely: Kysely<Database>, operation: Operation): Promise<Row | undefined> {
  if (operation.kind === 'read') {
    const { columns, id } = operation
    const read = READS[columns.length % READS.length] as Read
    return read(kysely, columns as string[], id)
  }
  const { id, value } = operation
  await kysely.updateTable('items').set({ val: value }).where('id', '=', id).execute()
  return undefined
}
