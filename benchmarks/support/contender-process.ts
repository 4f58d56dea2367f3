/* One contender in a process of its own. Another process gives it turns. */
import { type ContenderKey, loadContender } from '../contenders/load.ts'
import { answerCalls } from './calls.ts'
import { collectYoungGarbage } from './comparison.ts'
import type { Contender, OpenContender, Operation, Setting } from './contender.ts'
import { heapInUse } from './memory.ts'
import { COLUMN_LISTS, isRight } from './operations.ts'
import type { Measured } from './summary.ts'
import { clients, type Traffic } from './traffic.ts'
import { runLoad } from './turn.ts'

/** The contender to open. */
export interface OpenTask {
  readonly contender: ContenderKey
  readonly setting: Setting
}

/** A turn: clients that send requests for a while. */
export interface TurnTask {
  readonly traffic: Traffic
  readonly concurrency: number
  readonly seed: number
  readonly millis: number
}

/** The part of a turn's results that the process itself can measure. */
export type MeasuredHere = Omit<Measured, 'serverMicros' | 'connections'>

/** The memory of a process, in bytes. */
export interface Held {
  /** The growth of the heap since before the contender was opened, after collecting all garbage. */
  readonly heapBytes: number
  /** All memory of the process. */
  readonly residentBytes: number
}

/** The calls that this process answers. */
export type ContenderCalls = {
  /** Opens the contender and returns its name. */
  open(task: OpenTask): Promise<string>
  turn(task: TurnTask): Promise<MeasuredHere>
  /** Queries each of these tenants once, one after the other, and returns the milliseconds of each. */
  askOnce(tenants: readonly number[]): Promise<readonly number[]>
  held(): Promise<Held>
  close(): Promise<void>
}

/** The open contender and its databases. */
interface Opened {
  readonly contender: Contender
  readonly open: OpenContender
  readonly databases: readonly string[]
  readonly heapBefore: number
}

let opened: Opened | undefined

answerCalls({
  async open({ contender: key, setting }) {
    const contender = await loadContender(key)
    const heapBefore = await heapInUse()
    const open = await contender.open(setting)
    opened = { contender, open, databases: setting.databases, heapBefore }
    return contender.name
  },
  turn: (task) => takeTurn(theOpened(), task),
  async askOnce(tenants) {
    const times: number[] = []
    for (const tenant of tenants) times.push(await timeOfFirst(theOpened(), tenant))
    return times
  },
  async held() {
    const heapBytes = (await heapInUse()) - theOpened().heapBefore
    return { heapBytes, residentBytes: process.memoryUsage().rss }
  },
  close: () => theOpened().open.close(),
} satisfies ContenderCalls)

function theOpened(): Opened {
  if (!opened) throw new Error('Nothing is open.')
  return opened
}

async function takeTurn(
  { contender, open, databases }: Opened,
  { traffic, concurrency, seed, millis }: TurnTask,
): Promise<MeasuredHere> {
  collectYoungGarbage()
  const client = clients(traffic)
  const load = { databases, floor: contender.answersFrom, concurrency, client, seed, millis }
  const switchesBefore = open.switches?.()
  const cpuBefore = process.cpuUsage()
  const seen = await runLoad(open, load)
  const { user, system } = process.cpuUsage(cpuBefore)
  const switches = open.switches?.()
  return {
    ...seen,
    clientMicros: user + system,
    switches: switches === undefined ? undefined : switches - (switchesBefore ?? 0),
  }
}

async function timeOfFirst(
  { contender, open, databases }: Opened,
  tenant: number,
): Promise<number> {
  const operation: Operation = { kind: 'read', columns: COLUMN_LISTS[0] ?? [], id: 1 }
  const database = databases[tenant] as string
  const startedAt = performance.now()
  const row = await open.session(database)(operation)
  const millis = performance.now() - startedAt
  if (isRight(operation, row, tenant, database, contender.answersFrom)) return millis
  throw new Error(`A wrong row for ${database}.`)
}
