/* Queries each tenant once, and reports the growth of its memory to the process that has forked it. */
import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { plainKnex } from '../contenders/plain-knex.ts'
import { tenantKnex } from '../contenders/tenant-knex.ts'
import type { OpenContender, Operation } from './contender.ts'
import { ITEMS } from './data.ts'
import type { Footprint, FootprintTask } from './footprint.ts'
import { heapInUse } from './memory.ts'
import { COLUMN_LISTS, isRight } from './operations.ts'

/** More clients than the pool has connections. */
const CLIENTS = 64

const [task] = (await once(process, 'message')) as [FootprintTask]
process.send?.(await measure(task))
process.disconnect()

async function measure({ contender: kind, setting }: FootprintTask): Promise<Footprint> {
  const { databases, poolMax } = setting
  const contender = kind === 'plain' ? plainKnex : tenantKnex()
  const open = await contender.open(setting)
  // Loads and compiles the code of the first statements, which does not count for tenants.
  await askAll(open, databases.slice(0, CLIENTS), contender.answersFrom)
  const before = { heap: await heapInUse(), resident: process.memoryUsage().rss }
  const sockets = await askAll(open, databases, contender.answersFrom)
  const after = { heap: await heapInUse(), resident: process.memoryUsage().rss }
  await open.close()
  return {
    name: contender.name,
    sockets,
    poolMax,
    heapBytes: after.heap - before.heap,
    residentBytes: after.resident - before.resident,
  }
}

/** Returns the largest number of sockets. */
async function askAll(
  open: OpenContender,
  databases: readonly string[],
  floor: string | undefined,
): Promise<number> {
  const left = databases.entries()
  let most = 0
  const client = async (): Promise<void> => {
    for (const [tenant, database] of left) {
      const columns = COLUMN_LISTS[tenant % COLUMN_LISTS.length] as readonly string[]
      const operation: Operation = { kind: 'read', columns, id: 1 + (tenant % ITEMS) }
      const row = await open.session(database)(operation)
      assert(isRight(operation, row, tenant, database, floor), `a wrong row for ${database}`)
      most = Math.max(most, openSockets())
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return most
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}
