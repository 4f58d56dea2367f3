import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import {
  compare,
  delays,
  FLOODS,
  others,
  othersOfStuck,
  perAcquire,
  saturatedGain,
} from './figures.ts'
import { busy, limitsOf, saturation, sessions } from './loads.ts'
import { microsPerHandOut } from './pace.ts'
import { Scheduled } from './scheduled.ts'
import { simulate } from './simulation.ts'
import type { Visit } from './traffic.ts'

const RESULTS = new URL('./results.md', import.meta.url)

/** Visits with about 400,000 acquires. */
const MANY = 20_500

const COMPARED: readonly [string, number, () => Visit[]][] = [
  ['20 connections, 6 busy', 20, () => busy(6, 2_000)],
  ['20 connections, 12 busy', 20, () => busy(12, 2_000)],
  ['50 connections, 6 busy', 50, () => busy(6, 4_000)],
  ['50 connections, 30 busy, 100 tenants', 50, () => busy(30, 2_000, { tenants: 100 })],
  ['50 connections, 6 busy, tenants all alike', 50, () => busy(6, 2_000, { skew: 0 })],
  ['50 connections, 6 busy, five queries and never again', 50, () => sessions(6, 8_000)],
]

const page = `# The scheduler in figures

Simulated, with seeds: visits of 3 to 10 requests with pauses of 20 ms, each of 1 to 5 queries of 1 ms one after another; 1,000 tenants by Zipf's law with exponent 1 unless said; a switch takes 0.2 ms. Times are the simulation's. A pool has its default limits.
Made by \`npm run scheduler\`.

Switches per acquire, by which idle connection goes where none is in the tenant's database. The oracle gives up a duplicate, or else what it knows to be needed last.

| Pool | Scheduler | Of the oracle | Duplicates first | Idle longest | Plain Knex's pool |
| - | -: | -: | -: | -: | -: |
${COMPARED.map(comparison).join('\n')}

A pool of 20 that is never idle does ${saturatedGain(20, saturation(200, 100)).toFixed(2)} times what first come, first served does (200 users, 100 tenants).

How long an acquire takes on a pool of 20, in ms, over ${MANY.toLocaleString('en')} visits:

| Tenants | Busy without switches | Mean | 99 of 100 |
| - | -: | -: | -: |
${[100, 1_000, 10_000].flatMap((tenants) => [18, 19].map((connections) => load(tenants, connections))).join('\n')}

What 99 of 100 acquires of the others take, in ms, while some tenants ask for too much; alone, and with the query:

| On a pool of 20, 10 of them busy with 100 other tenants | Acquire | And query |
| - | -: | -: |
${Object.keys(FLOODS).map(flooded).join('\n')}

| While a tenant has 100 queries at a time wait a second for a lock | Quiet | | Stuck | |
| - | -: | -: | -: | -: |
${[stuck(20, 3), stuck(50, 6), stuck(50, 10)].join('\n')}

With 10,000 who wait for one of 50 connections, to give one back, to choose who gets it, and to take a new one in takes ${microsPerHandOut().toFixed(1)} µs (measured; Node ${process.versions.node}, ${cpus()[0]?.model}).
`
writeFileSync(RESULTS, page)
console.log(page)

function comparison([title, max, visits]: (typeof COMPARED)[number]): string {
  const { scheduler, oracle, spareFirst, oldest, tarn } = compare(max, visits())
  const [own, ...rest] = [scheduler, spareFirst, oldest, tarn].map((one) => perAcquire(one))
  const ratio = (own as number) / perAcquire(oracle)
  return row([title, own?.toFixed(3), ratio.toFixed(2), ...rest.map((one) => one.toFixed(3))])
}

function load(tenants: number, connections: number): string {
  const visits = busy(connections, MANY, { tenants })
  const { mean, p99 } = delays(simulate(new Scheduled(limitsOf(20)), visits))
  return row([
    tenants.toLocaleString('en'),
    `${(100 * connections) / 20} %`,
    mean.toFixed(1),
    p99.toFixed(0),
  ])
}

function flooded(title: string): string {
  const visits = busy(10, 2_000, { tenants: 100 })
  const { p99, p99Total } = others(new Scheduled(limitsOf(20)), visits, title)
  return row([title, p99.toFixed(1), p99Total.toFixed(1)])
}

function stuck(max: number, connections: number): string {
  const visits = busy(connections, 600 * connections)
  const quiet = delays(simulate(new Scheduled(limitsOf(max)), visits))
  const now = othersOfStuck(new Scheduled(limitsOf(max)), visits)
  const cells = [quiet.p99, quiet.p99Total, now.p99, now.p99Total].map((one) => one.toFixed(1))
  return row([`${max} connections, ${connections} busy with others`, ...cells])
}

function row(cells: readonly unknown[]): string {
  return `| ${cells.join(' | ')} |`
}
