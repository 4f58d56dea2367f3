/*
 * What does `tenantKnex(id)` cost? It is compared with `knex({...})`, the cost of a tenant without this
 * library. Nothing connects, so no server is needed.
 */
import assert from 'node:assert/strict'
import knex, { type Knex } from 'knex'
import { createTenantKnex } from '../src/index.ts'
import { collectGarbage, heapInUse } from './support/memory.ts'
import { printTable, writeResult } from './support/result.ts'
import { type Cost, measureInTurns } from './support/rounds.ts'

const TENANTS = 10_000
const RECENT = 500
const CREATED_PER_ROUND = 250
const TIME_ROUNDS = { warmUp: 5, measured: TENANTS / CREATED_PER_ROUND }
const HEAP_ROUNDS = { warmUp: 1, measured: 5 }
const CONNECTION = { host: '127.0.0.1', port: 3306, user: 'app', password: 'secret' }

/** One call for each id. */
interface Subject {
  readonly name: string
  readonly call: (id: string) => Knex
  readonly ids: readonly string[]
}

const tenantKnex = createTenantKnex({ connection: CONNECTION })
const knownIds = makeIds('known', TENANTS)
const recentIds = knownIds.slice(-RECENT)
const knownKnexes = knownIds.map(tenantKnex)

checkAnswers()
const nanoseconds = await measureInTurns(TIME_ROUNDS, timeSubjects, measureTime)
const bytes = await measureInTurns(HEAP_ROUNDS, heapSubjects, measureHeap)
checkAnswers()
writeResult('bound-knex', { tenants: TENANTS, nanoseconds, bytes })
printTable([['nanoseconds', 'each', 'of `knex({...})`'], ...nanoseconds.map(describe)])
printTable([['bytes of heap', 'each', 'of `knex({...})`'], ...bytes.map(describe)])

/** Checks that each call returns the same object, of the right tenant, and that nothing has connected. */
function checkAnswers(): void {
  for (const [index, id] of knownIds.entries()) {
    const bound = tenantKnex(id)
    assert.equal(bound, knownKnexes[index])
    assert.deepEqual(bound.tenant, { id, database: `tenant_${id}` })
  }
  const [server] = tenantKnex.stats().servers
  assert.equal(server?.connects, 0)
}

function timeSubjects(round: number): Subject[] {
  const newIds = makeIds(`new-${round}`, CREATED_PER_ROUND)
  return [
    {
      name: `\`tenantKnex(id)\`, one of ${RECENT} in frequent use`,
      call: tenantKnex,
      ids: Array(TENANTS / RECENT)
        .fill(recentIds)
        .flat(),
    },
    { name: `\`tenantKnex(id)\`, each of ${TENANTS} in turn`, call: tenantKnex, ids: knownIds },
    { name: '`tenantKnex(newId)`', call: tenantKnex, ids: newIds },
    { name: '`knex({...})`', call: plainKnex, ids: newIds },
  ]
}

function heapSubjects(): Subject[] {
  const empty = createTenantKnex({ connection: CONNECTION })
  return [
    { name: '`tenantKnex(newId)`', call: empty, ids: knownIds },
    { name: '`knex({...})`', call: plainKnex, ids: knownIds },
  ]
}

function plainKnex(id: string): Knex {
  const connection = { ...CONNECTION, database: `tenant_${id}` }
  return knex({ client: 'mysql2', connection, pool: { min: 0, max: 10 } })
}

async function measureTime({ call, ids }: Subject): Promise<number> {
  await collectGarbage()
  const start = process.hrtime.bigint()
  const held = ids.map(call)
  const end = process.hrtime.bigint()
  return Number(end - start) / held.length
}

async function measureHeap({ call, ids }: Subject): Promise<number> {
  const before = await heapInUse()
  const held = ids.map(call)
  const after = await heapInUse()
  return (after - before) / held.length
}

function describe({ name, each, share }: Cost): string[] {
  const spread = `${round(each.median)} (${round(each.lower)}–${round(each.upper)})`
  const fraction = [share.median, share.lower, share.upper].map((part) => `1/${round(1 / part)}`)
  return [name, spread, `${fraction[0]} (${fraction[1]}–${fraction[2]})`]
}

/** Rounds to two digits: more would mean nothing. */
function round(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en')
}

function makeIds(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`)
}
