import { setTimeout as sleep } from 'node:timers/promises'
import type { StormFault } from '../../../src/testing/storm-fault.ts'
import { ITEMS, MARKER, SHADE, WRITES } from '../../../src/testing/tables.ts'
import { Admin } from '../admin.ts'
import { createSeen } from '../hidden-code.ts'
import { createProcedure } from '../procedure.ts'
import { databaseOf, fillDatabases, grantOn, type World } from '../world.ts'

const TABLES = [MARKER, ITEMS, WRITES, SHADE]

/** A tenant's new tables are made in this database, and then move to the tenant's database all at once. */
const SPARE = 'tk_storm_spare'

/** Faults that strike one tenant. */
export function tenantFaults(world: World): readonly StormFault[] {
  const { admin } = world
  return [
    {
      name: 'database dropped and made anew',
      weight: 3,
      strike: async ({ tenant, lose }) => {
        await recreate(world, tenant)
        lose(tenant)
        return undefined
      },
    },
    {
      name: 'access revoked and granted again',
      weight: 3,
      strike: async ({ tenant, random }) => {
        const grant = grantOn(tenant)
        await admin.sql(grant.replace('GRANT', 'REVOKE').replace(' TO ', ' FROM '))
        await sleep(200 * random())
        await admin.sql(grant)
        return undefined
      },
    },
    {
      name: 'table locked',
      weight: 3,
      strike: async ({ tenant, random }) => {
        const locker = new Admin(world.server.adminUrl)
        const table = random() < 0.5 ? ITEMS : WRITES
        await locker.sql(`LOCK TABLES ${databaseOf(tenant)}.${table} WRITE`)
        await sleep(random() < 0.8 ? 100 * random() : 600)
        await locker.sql('UNLOCK TABLES')
        await locker.end()
        return undefined
      },
    },
  ]
}

async function recreate({ admin, server }: World, tenant: string): Promise<void> {
  const database = databaseOf(tenant)
  const moves = TABLES.map((table) => `${SPARE}.${table} TO ${database}.${table}`)
  await admin.sql(`DROP DATABASE IF EXISTS ${SPARE}; CREATE DATABASE ${SPARE}`)
  await fillDatabases(server, () => SPARE, [tenant])
  await admin.sql(`DROP DATABASE ${database}`)
  await admin.sql(`CREATE DATABASE ${database}`)
  await createSeen(admin, database)
  await admin.sql(`RENAME TABLE ${moves.join()}`)
  await createProcedure(admin, database)
}
