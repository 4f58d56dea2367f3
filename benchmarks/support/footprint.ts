import type { Entry } from '../contenders/load.ts'
import type { Field } from './bench-server.ts'
import { type Entrant, withEntrant } from './entrant.ts'

/** The growth of a process after one query of each of many tenants. */
export interface Footprint {
  readonly name: string
  /** The largest number of open sockets. */
  readonly sockets: number
  readonly poolMax: number
  /** The heap after collecting all garbage. */
  readonly heapBytes: number
  readonly residentBytes: number
}

const POOL_MAX = 20

/** More clients than the pool has connections. */
const CLIENTS = 64

/** Queries each of this many tenants once, in a separate process. */
export async function footprintOf(field: Field, entry: Entry, count: number): Promise<Footprint> {
  const place = { poolMax: POOL_MAX, databases: await field.databases(count) }
  return withEntrant(field, entry, place, (entrant) => measure(entrant, count))
}

async function measure({ name, process }: Entrant, count: number): Promise<Footprint> {
  const tenants = Array.from({ length: count }, (_, tenant) => tenant)
  // Loads and compiles the code of the first statements, which does not count for tenants.
  await process.call('askOnce', { tenants: tenants.slice(0, CLIENTS), clients: CLIENTS })
  const before = await process.call('held')
  const { sockets } = await process.call('askOnce', { tenants, clients: CLIENTS })
  const after = await process.call('held')
  return {
    name,
    sockets,
    poolMax: POOL_MAX,
    heapBytes: after.heapBytes - before.heapBytes,
    residentBytes: after.residentBytes - before.residentBytes,
  }
}
