/*
 * What does a tenant's cache cost? On Redis it is compared with `@redis/client` alone and with Keyv and a
 * namespace. In this process it is compared with node-cache, lru-cache and Keyv. One *call* is the named
 * operation, awaited. A read returns a new object, unless the table says otherwise.
 */
import assert from 'node:assert/strict'
import {
  type CacheSubject,
  processSubjects,
  redisSubjects,
  redisVersion,
} from './support/cache-subjects.ts'
import { versionOf } from './support/environment.ts'
import { printTable, writeResult } from './support/result.ts'
import { type Cost, measureInTurns } from './support/rounds.ts'
import type { Quartiles } from './support/statistics.ts'

const ROUNDS = { warmUp: 5, measured: 40 }
const KEYS = 1_000
const MANY = 50
const IN_FLIGHT = 64
/** How many calls are measured at a time. */
const TIMES = { redis: 200, process: 1_000 }

/** A call, and the expected result. */
interface Operation {
  readonly name: string
  readonly run: (cache: CacheSubject, turn: number, value: unknown) => unknown
  readonly answer: (value: unknown) => unknown
  /** Its duration as a multiple of a `get`, roughly. */
  readonly size?: number
}

const GET: Operation = {
  name: '`get`',
  run: (cache, turn) => cache.get(keyOf(turn)),
  answer: (value) => value,
}

const REMEMBER: Operation = {
  name: '`remember`, found',
  run: (cache, turn) => cache.remember(keyOf(turn), notCalled),
  answer: (value) => value,
}

const SET: Operation = {
  name: '`set`',
  run: async (cache, turn, value) => {
    await cache.set(keyOf(turn), value)
  },
  answer: () => undefined,
}

const MISS: Operation = {
  name: '`get`, not found',
  run: (cache, turn) => cache.get(`none-${turn % KEYS}`),
  answer: () => undefined,
}

const GET_MANY: Operation = {
  name: `\`getMany\` of ${MANY}`,
  run: (cache, turn) => cache.getMany?.(keysFrom(turn, MANY)),
  answer: (value) => Array(MANY).fill(value),
  size: 5,
}

const GETS_IN_FLIGHT: Operation = {
  name: `${IN_FLIGHT} \`get\` at a time`,
  run: (cache, turn) => Promise.all(keysFrom(turn, IN_FLIGHT).map((key) => cache.get(key))),
  answer: (value) => Array(IN_FLIGHT).fill(value),
  size: 10,
}

const VALUES = {
  small: { id: 42, name: 'Ada Lovelace', roles: ['admin', 'editor'], isActive: true, rating: 4.5 },
  '2 KB': Array.from({ length: 16 }, (_, index) => ({
    id: 1_000 + index,
    title: `An order of many things, number ${index}`,
    orderedAt: '2026-05-04T03:02:01.000Z',
    total: 12.5 * index,
    isPaid: index % 2 === 0,
  })),
}

const url = process.env.TENANT_KNEX_REDIS_URL
assert(url, 'TENANT_KNEX_REDIS_URL is not set: npm run bench:cache')
const redis = [GET, MISS, SET, GET_MANY, GETS_IN_FLIGHT, REMEMBER]
const result = {
  redis: await measureAll(await redisSubjects(url), redis, TIMES.redis),
  process: await measureAll(processSubjects(), [GET, SET, REMEMBER], TIMES.process),
}
const packages = ['@redis/client', '@keyv/redis', 'keyv', 'node-cache', 'lru-cache']
const versions = Object.fromEntries(packages.map((name) => [name, versionOf(name)]))
const server = { redis: await redisVersion(url) }
writeResult('cache', { ...server, ...versions, rounds: ROUNDS.measured, microseconds: result })
report('on Redis', result.redis)
report('in this process', result.process)

type Costs = Record<string, Cost[]>

/** Measures each operation with each value. */
async function measureAll(
  subjects: readonly CacheSubject[],
  operations: readonly Operation[],
  times: number,
): Promise<Costs> {
  const costs: Costs = {}
  for (const [size, value] of Object.entries(VALUES)) {
    for (const subject of subjects) await fill(subject, value)
    for (const operation of operations) {
      for (const subject of subjects) await check(operation, subject, value)
      const count = Math.ceil(times / (operation.size ?? 1))
      costs[`${operation.name}, ${size}`] = await measureInTurns(
        ROUNDS,
        () => subjects,
        (subject) => measure(operation, subject, value, count),
      )
      for (const subject of subjects) await check(operation, subject, value)
    }
  }
  for (const subject of subjects) await subject.close?.()
  return costs
}

async function fill(subject: CacheSubject, value: unknown): Promise<void> {
  for (let turn = 0; turn < KEYS; turn++) await subject.set(keyOf(turn), value)
}

async function check(operation: Operation, subject: CacheSubject, value: unknown): Promise<void> {
  for (const turn of [0, KEYS - 1]) {
    const answer = await operation.run(subject, turn, value)
    assert.deepEqual(answer, operation.answer(value), `${subject.name}: ${operation.name}`)
    assert.deepEqual(await subject.get(keyOf(turn)), value)
  }
}

/** Measures the microseconds of one call. */
async function measure(
  { run }: Operation,
  subject: CacheSubject,
  value: unknown,
  count: number,
): Promise<number> {
  const start = process.hrtime.bigint()
  if (subject.isSync) for (let turn = 0; turn < count; turn++) run(subject, turn, value)
  else for (let turn = 0; turn < count; turn++) await run(subject, turn, value)
  return Number(process.hrtime.bigint() - start) / count / 1_000
}

function report(where: string, costs: Costs): void {
  const [first = []] = Object.values(costs)
  const baseline = first.at(-1)?.name
  printTable([
    [where, ...first.slice(0, -1).map(({ name }) => `${name}, of ${baseline}`), `${baseline}, µs`],
    ...Object.entries(costs).map(([name, subjects]) => [
      name,
      ...subjects.slice(0, -1).map(({ share }) => spread(share)),
      spread(subjects.at(-1)?.each as Quartiles),
    ]),
  ])
}

function spread({ lower, median, upper }: Quartiles): string {
  return `${digits(median)} (${digits(lower)}–${digits(upper)})`
}

function digits(value: number): string {
  if (value < 1) return value.toFixed(2)
  return Number(value.toPrecision(3)).toLocaleString('en')
}

function keyOf(turn: number): string {
  return `key-${turn % KEYS}`
}

function keysFrom(turn: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => keyOf(turn + index))
}

function notCalled(): never {
  throw new Error('the value was not found')
}
