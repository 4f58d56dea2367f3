import { promisify } from 'node:util'
import type { Connection } from 'mysql2'
import type { Contender } from '../support/contender.ts'
import { overSharedPool } from '../support/shared-pool.ts'

/**
 * The protocol's own way to give a connection to another user: COM_CHANGE_USER logs in again with a new
 * session. It is sent if an acquired connection is not in the tenant's database.
 */
export const changeUser: Contender = {
  name: '`changeUser` when needed',
  async open(setting) {
    const databases = new WeakMap<Connection, string>()
    let switches = 0
    const shared = overSharedPool(setting, async (connection, database) => {
      if (databases.get(connection) === database) return
      await promisify(connection.changeUser).call(connection, { database })
      databases.set(connection, database)
      switches++
    })
    return { ...shared, switches: () => switches }
  },
}
