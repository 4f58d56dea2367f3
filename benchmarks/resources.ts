/*
 * What resources do the other ways to reach tenants' databases need? This measures connections, memory in the
 * process and at the server, and the wait of a tenant's first request. Pools for each tenant cannot live
 * beside others. So each contender has its own process and takes turns with a process of plain Knex, and
 * their throughput can still be compared.
 */
import { type ResourcesResult, resourcesTable } from './report/resources.ts'
import type { Field } from './support/bench-server.ts'
import { cellOf, SHORT_REQUESTS } from './support/cells.ts'
import { onEachServer } from './support/on-each-server.ts'
import { measureResources } from './support/resources.ts'

await onEachServer('resources', measure, resourcesTable)

async function measure(field: Field): Promise<ResourcesResult> {
  const cell = cellOf(SHORT_REQUESTS)
  return { cell, contenders: await measureResources(field, cell) }
}
