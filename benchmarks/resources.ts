/*
 * What do the other ways to reach tenants' databases hold? Connections, memory here and at the server,
 * and how long a tenant waits that nobody has asked for before. Each in a process of its own, in turns
 * with one of plain Knex, so that what they do per second can be compared although pools for each
 * tenant cannot live beside others.
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
