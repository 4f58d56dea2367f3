import { setTimeout as sleep } from 'node:timers/promises'
import { TenantKnexError, type TenantKnexOptions } from '../../src/index.ts'
import { withProxy } from '../../test/support/proxy.ts'
import { type Call, Stage, WrongRows } from './stage.ts'
import { TENANTS, type World } from './world.ts'

/** One fault in one phase. */
export interface Cell {
  readonly fault: string
  readonly phase: string
  /**
   * The result that at least one call must have: `ok`, or code and outcome. Otherwise the fault did not
   * strike.
   */
  readonly must: readonly string[]
  /** The other results that calls may have. */
  readonly may: readonly string[]
  readonly options?: Partial<TenantKnexOptions>
  /** True if it takes too long for `npm test`. */
  readonly isSlow?: boolean
  /** True if there is no pool left to recover. */
  readonly isFinal?: boolean
  /** The server that it can run on. @defaultValue both */
  readonly only?: 'MariaDB' | 'MySQL'
  /** True if the pool connects without the proxy, which is part of this process. */
  readonly isDirect?: boolean
  /** How many connections the account may have. @defaultValue no limit */
  readonly maxUserConnections?: number
  run(stage: Stage): Promise<void>
}

/** The result of one attempt. */
export interface Tried {
  readonly labels: readonly string[]
  /** From the end of the fault until all tenants are served again; undefined if the cell is final. */
  readonly recoveryMillis: number | undefined
}

/** @throws Error with all problems */
export async function tryCell(world: World, cell: Cell): Promise<Tried> {
  await world.reset(String(cell.maxUserConnections ?? 0))
  const stray: unknown[] = []
  const onStray = (error: unknown): void => void stray.push(error)
  process.on('unhandledRejection', onStray)
  process.on('uncaughtException', onStray)
  try {
    const { calls, abandoned, recoveryMillis } = await withProxy(world.url, async (proxy) => {
      const stage = new Stage(world, proxy, {
        ...(cell.isDirect && { connection: world.url }),
        ...cell.options,
      })
      try {
        await cell.run(stage)
        await stage.settle()
        const recoveryMillis = cell.isFinal ? undefined : await stage.recover()
        return { ...stage, recoveryMillis }
      } finally {
        await stage.end()
      }
    })
    await untilGone(world)
    const problems = [
      ...stray.map((error) => `nobody caught: ${show(error)}`),
      ...calls.flatMap((call) => problemsOf(call, cell)),
      ...unstruck(calls, cell),
      ...(await untruths(world, calls, abandoned)),
    ]
    await world.checkItems()
    if (problems.length > 0) throw new Error([...new Set(problems)].join('\n'))
    return { labels: calls.map(({ label }) => label), recoveryMillis }
  } finally {
    process.off('unhandledRejection', onStray)
    process.off('uncaughtException', onStray)
  }
}

/** The server must have rolled back lost transactions before the data is compared. */
async function untilGone(world: World): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await world.connectionIds()).length === 0) return
    await sleep(25)
  }
  throw new Error('The server still has connections of the pool five seconds after its end.')
}

function problemsOf({ error, label, tenant }: Call, { must, may }: Cell): string[] {
  if (error instanceof WrongRows) return [show(error)]
  const problems: string[] = []
  if (!must.includes(label) && !may.includes(label))
    problems.push(`not expected: ${label} (${show(error)})`)
  if (error === undefined) return problems
  if (error.tenant !== tenant)
    problems.push(`${label} says it is ${error.tenant}’s, not ${tenant}’s`)
  if (error.outcome === undefined) problems.push(`${label} has no outcome (${show(error)})`)
  if (error instanceof TenantKnexError) {
    if (NEED_CAUSE.has(error.code) && !error.cause) problems.push(`${label} has no cause`)
  } else if (
    Object.keys(error).some((key) => ['tenant', 'connectionId', 'outcome'].includes(key))
  ) {
    problems.push(`${label} shows what was added to it`)
  }
  return problems
}

const NEED_CAUSE: ReadonlySet<string> = new Set([
  'ERR_SERVER_REFUSED',
  'ERR_SESSION_SETUP_FAILED',
  'ERR_SWITCH_FAILED',
])

function unstruck(calls: readonly Call[], { must }: Cell): string[] {
  if (calls.some(({ label }) => must.includes(label))) return []
  const got = [...new Set(calls.map(({ label }) => label))]
  return [`no call got ${must.join(' or ')}, but ${got.join(', ')}`]
}

/** Compares the results that callers got with the rows in the tenants' databases. */
async function untruths(
  world: World,
  calls: readonly Call[],
  abandoned: Stage['abandoned'],
): Promise<string[]> {
  const problems: string[] = []
  for (const tenant of TENANTS) {
    const rows = await world.ledger(tenant)
    const own = calls.filter((call) => call.tenant === tenant)
    const known = new Set(own.flatMap(({ operations = [] }) => operations))
    for (const row of rows) {
      if (row.tenant !== tenant) problems.push(`${tenant} has a row of ${row.tenant}’s`)
      else if (!known.has(row.operation)) problems.push(`${tenant} has a row that no call wrote`)
    }
    const there = new Set(rows.map(({ operation }) => operation))
    problems.push(...own.flatMap((call) => untruth(call, there)))
    const left = abandoned.filter((one) => one.tenant === tenant && there.has(one.operation))
    if (left.length > 0) problems.push('what nobody committed is there')
  }
  return problems
}

function untruth(call: Call, there: ReadonlySet<number>): string[] {
  const { operations = [], error, label, isUndone } = call
  const found = operations.filter((operation) => there.has(operation)).length
  if (operations.length === 0) return []
  if (found !== 0 && found !== operations.length) {
    return [`${label}: ${found} of ${operations.length} writes of one transaction are there`]
  }
  const isThere = found > 0
  const mustBe = error === undefined || error.outcome === 'executed'
  const mustNotBe =
    (error !== undefined && isUndone?.() === true) ||
    error?.outcome === 'not-sent' ||
    error?.outcome === 'failed'
  if (mustNotBe && isThere) return [`${label}, but the write is there`]
  if (!mustNotBe && mustBe && !isThere) return [`${label}, but the write is missing`]
  return []
}

function show(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? ` <- ${error.cause.message}` : ''
  return `${error.name}: ${error.message}${cause}`
}
