import type { TenantKnexOptions } from '../../src/index.ts'
import type { Contender } from '../support/contender.ts'
import { knexAccess } from '../support/knex-access.ts'
import { OURS } from '../support/names.ts'
import { createTenantKnex } from '../support/package.ts'

/** This library with its defaults, except for these options. */
export function tenantKnex(
  name: string = OURS,
  options: Partial<TenantKnexOptions> = {},
  create: typeof createTenantKnex = createTenantKnex,
): Contender {
  return {
    name,
    async open({ connection, poolMax }) {
      const tenants = create({
        connection,
        pool: { max: poolMax },
        database: (database) => database,
        ...options,
      })
      return {
        ...knexAccess(tenants),
        close: () => tenants.destroy(),
        switches: () => tenants.stats().servers[0].switches,
      }
    },
  }
}
