/*
 * What does an adapter cost? A second process sends requests over 32 keep-alive connections, for 200 tenants
 * in turn, to each framework alone and with the adapter. The adapter finds the tenant by the host name
 * through a cached look-up. Handlers return a small object and ask no database. A third variant only runs
 * each request in a scope of its own in Node, which every adapter needs.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import autocannon from 'autocannon'
import { versionOf } from './support/environment.ts'
import { printTable, writeResult } from './support/result.ts'
import { type Cost, measureInTurns } from './support/rounds.ts'
import { type Quartiles, quartiles } from './support/statistics.ts'

const SERVER = new URL('./support/adapter-server.ts', import.meta.url)
const FRAMEWORKS = ['koa', 'express 4', 'express 5', 'hapi', 'fastify']
const ROUNDS = { warmUp: 4, measured: 24 }
/** How long a subject is measured at a time. */
const SECONDS = 1
const CONNECTIONS = 32
const TENANTS = Array.from({ length: 200 }, (_, index) => `tenant-${index}`)

/** The cost of a request: milliseconds until the next one, and microseconds of the processor. */
interface Taken {
  readonly milliseconds: number
  readonly cpu: number
}

/** The costs by subject, with the bare framework last. */
interface FrameworkCosts {
  readonly time: Cost[]
  /** Microseconds, relative to the bare framework in the same round. */
  readonly cpu: Quartiles[]
}

/** One of the servers of a framework. */
interface Subject {
  readonly name: string
  readonly url: string
}

const costs: Record<string, FrameworkCosts> = {}
for (const framework of FRAMEWORKS) costs[framework] = await measureFramework(framework)
const packages = ['koa', 'express4', 'express', '@hapi/hapi', 'fastify']
const versions = Object.fromEntries(packages.map((name) => [name, versionOf(name)]))
writeResult('adapters', { ...versions, rounds: ROUNDS.measured, frameworks: costs })
printTable([
  ['', 'requests per second', 'processor', 'in a scope: requests', 'in a scope: processor', 'bare'],
  ...Object.entries(costs).map(([framework, { time, cpu }]) => [
    framework,
    ...time.slice(0, -1).flatMap(({ share }, index) => [ratio(share), spread(cpu[index])]),
    `${Math.round(1_000 / (time.at(-1)?.each.median as number)).toLocaleString('en')} per second`,
  ]),
])

async function measureFramework(framework: string): Promise<FrameworkCosts> {
  const server = fork(SERVER, [framework], { execArgv: ['--import', 'tsx'] })
  try {
    const subjects = await subjectsOf(server)
    await check(subjects)
    const cpu = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]))
    const time = await measureInTurns(
      ROUNDS,
      () => subjects,
      async (subject) => {
        const taken = await measure(subject, server)
        cpu.get(subject)?.push(taken.cpu)
        return taken.milliseconds
      },
    )
    await check(subjects)
    return { time, cpu: sharesOf([...cpu.values()].map((taken) => taken.slice(ROUNDS.warmUp))) }
  } finally {
    server.disconnect()
    await once(server, 'exit')
  }
}

async function subjectsOf(server: ChildProcess): Promise<Subject[]> {
  const [ports] = (await once(server, 'message')) as [[name: string, port: number][]]
  return ports.map(([name, port]) => ({ name, url: `http://127.0.0.1:${port}/` }))
}

/** Checks that each tenant gets its own name. */
async function check([withAdapter]: readonly Subject[]): Promise<void> {
  const result = await autocannon({
    url: withAdapter?.url as string,
    amount: TENANTS.length,
    connections: 1,
    requests: TENANTS.map((tenant) => ({
      headers: { host: `${tenant}.example.com` },
      onResponse: (status: number, body: string) => {
        assert.deepEqual([status, body], [200, JSON.stringify({ tenant })])
      },
    })),
  })
  assert.equal(result['2xx'], TENANTS.length)
}

/** The server's costs for a request: time, and processor time. */
async function measure({ url }: Subject, server: ChildProcess): Promise<Taken> {
  const requests = TENANTS.map((tenant) => ({ headers: { host: `${tenant}.example.com` } }))
  const before = await cpuOf(server)
  const result = await autocannon({ url, duration: SECONDS, connections: CONNECTIONS, requests })
  const cpu = (await cpuOf(server)) - before
  const count = result['2xx']
  assert.equal(result.requests.total, count)
  return { milliseconds: (result.duration * 1_000) / count, cpu: cpu / count }
}

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send('cpu')
  const [{ user, system }] = (await once(server, 'message')) as [NodeJS.CpuUsage]
  return user + system
}

/** The costs of each subject relative to the last one's. */
function sharesOf(taken: readonly number[][]): Quartiles[] {
  const base = taken.at(-1) as number[]
  return taken.map((each) => quartiles(each.map((cpu, round) => cpu / (base[round] as number))))
}

/** The ratio of requests per time, which is the inverse of the ratio of times. */
function ratio({ lower, median, upper }: Quartiles): string {
  return spread({ lower: 1 / upper, median: 1 / median, upper: 1 / lower })
}

function spread({ lower, median, upper }: Quartiles = { lower: 0, median: 0, upper: 0 }): string {
  return `${median.toFixed(2)} (${lower.toFixed(2)}–${upper.toFixed(2)})`
}
