import type { Connection } from 'mysql2'
import type { Contender } from '../support/contender.ts'
import { overSharedPool } from '../support/shared-pool.ts'
import { use } from './use-always.ts'

/** Sends `USE` if an acquired connection is not in the tenant's database. */
export const lazyUse: Contender = {
  name: '`USE` when needed',
  async open(setting) {
    const databases = new WeakMap<Connection, string>()
    let switches = 0
    const shared = overSharedPool(setting, async (connection, database) => {
      if (databases.get(connection) === database) return
      await use(connection, database)
      databases.set(connection, database)
      switches++
    })
    return { ...shared, switches: () => switches }
  },
}
