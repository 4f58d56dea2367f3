import { promisify } from 'node:util'
import type { Connection } from 'mysql2'
import type { Contender } from '../support/contender.ts'
import { overSharedPool } from '../support/shared-pool.ts'

/** Sends `USE` for every acquired connection, whatever its database. */
export const useAlways: Contender = {
  name: '`USE` before every statement',
  async open(setting) {
    let switches = 0
    const shared = overSharedPool(setting, async (connection, database) => {
      await use(connection, database)
      switches++
    })
    return { ...shared, switches: () => switches }
  },
}

/** Selects a connection's database. */
export async function use(connection: Connection, database: string): Promise<void> {
  await promisify<string>(connection.query).call(connection, `USE \`${database}\``)
}
