/*
 * What do the other ways to reach tenants' databases leak? A request of one tenant leaves something behind. A
 * request of the next tenant looks for it; with one pool it gets the same connection.
 */
import { strict as assert } from 'node:assert'
import {
  type ContenderKey,
  type Entry,
  loadContender,
  POOLING,
  SHARING,
} from './contenders/load.ts'
import { type Leaks, type LeaksResult, leaksTable } from './report/leaks.ts'
import type { Field } from './support/bench-server.ts'
import type { Contender } from './support/contender.ts'
import { LEAK_PROBES, type LeakProbe, type Scene } from './support/leak-probes.ts'
import { onEachServer } from './support/on-each-server.ts'

/** Plain Knex does not reach tenants' databases, and 200 pools leak the same as 50. */
const ENTRIES = [...SHARING, ...POOLING].filter(
  ({ key }) => key !== 'plain' && key !== 'lru-of-200',
)

/** The known leaks of each. The first entry proves that each probe can find something. */
const KNOWN: Readonly<Partial<Record<ContenderKey, readonly string[]>>> = {
  'lazy-use': LEAK_PROBES.map(({ name }) => name).filter((name) => name !== 'raw SQL'),
  'tenant-knex': ['`FOUND_ROWS()`'],
}

await onEachServer('leaks', measure, leaksTable)

async function measure(field: Field): Promise<LeaksResult> {
  const contenders: Leaks[] = []
  for (const entry of ENTRIES) contenders.push(await probeAll(field, entry))
  return { probes: LEAK_PROBES.map(({ name }) => name), contenders }
}

async function probeAll(field: Field, entry: Entry): Promise<Leaks> {
  const contender = await loadContender(entry)
  const leaks: string[] = []
  const untried: string[] = []
  for (const probe of LEAK_PROBES) {
    const isLeak = await probeOne(field, contender, probe)
    if (isLeak === undefined) untried.push(probe.name)
    else if (isLeak) leaks.push(probe.name)
  }
  assert.deepEqual(leaks, KNOWN[entry.key] ?? leaks)
  return { name: contender.name, leaks, untried }
}

/** Undefined if it cannot be tried. */
async function probeOne(
  field: Field,
  contender: Contender,
  probe: LeakProbe,
): Promise<boolean | undefined> {
  return withScene(field, contender, async (scene) => {
    if (probe.needsExecute && !scene.open.execute) return undefined
    await probe.leave(scene).catch(() => undefined) // An error means that the contender refuses it.
    return await probe.isSeen(scene)
  })
}

async function withScene<T>(
  field: Field,
  contender: Contender,
  fn: (scene: Scene) => Promise<T>,
): Promise<T> {
  const databases = await field.databases(3)
  const [first, next, other] = databases as [string, string, string]
  const open = await contender.open({ connection: await field.account(0), poolMax: 1, databases })
  try {
    return await fn({ open, first, next, other, outside: field.query })
  } finally {
    await open.close()
  }
}
