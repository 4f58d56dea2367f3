/* One contender in a process of its own. Another process gives it turns. */
import { type Entry, loadContender } from '../contenders/load.ts'
import { answerCalls } from './calls.ts'
import type { Contender, OpenContender, Operation, Setting } from './contender.ts'
import { ITEMS } from './data.ts'
import { collectYoungGarbage, heapInUse } from './memory.ts'
import { COLUMN_LISTS, isRight } from './operations.ts'
import { type Profile, profileOf } from './profile.ts'
import type { Measured } from './summary.ts'
import { clients, type Traffic } from './traffic.ts'
import { type Load, runLoad, type Seen } from './turn.ts'

/** The contender to open. */
export interface OpenTask {
  readonly entry: Entry
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

/** Tenants that are queried once each. */
export interface AskTask {
  readonly tenants: readonly number[]
  /** How many clients share them. */
  readonly clients: number
}

/** The results of {@link AskTask}. */
export interface Asked {
  /** The milliseconds of each statement. */
  readonly times: readonly number[]
  /** The largest number of open sockets. */
  readonly sockets: number
}

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
  profile(task: TurnTask): Promise<Profile>
  askOnce(task: AskTask): Promise<Asked>
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

/** The clients of each traffic. Their visits continue from turn to turn. */
const knownClients = new Map<string, Load['client']>()

answerCalls({
  async open({ entry, setting }) {
    const contender = await loadContender(entry)
    const heapBefore = await heapInUse()
    const open = await contender.open(setting)
    opened = { contender, open, databases: setting.databases, heapBefore }
    return contender.name
  },
  turn: (task) => takeTurn(theOpened(), task),
  profile: (task) => profileOf(() => run(theOpened(), task)),
  askOnce: (task) => askOnce(theOpened(), task),
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

async function takeTurn(opened: Opened, task: TurnTask): Promise<MeasuredHere> {
  collectYoungGarbage()
  const { open } = opened
  const switchesBefore = open.switches?.()
  const cpuBefore = process.cpuUsage()
  const seen = await run(opened, task)
  const { user, system } = process.cpuUsage(cpuBefore)
  const switches = open.switches?.()
  return {
    ...seen,
    clientMicros: user + system,
    switches: switches === undefined ? undefined : switches - (switchesBefore ?? 0),
  }
}

function run({ contender, open, databases }: Opened, task: TurnTask): Promise<Seen> {
  const { traffic, ...load } = task
  const client = clientsOf(traffic)
  return runLoad(open, { ...load, databases, floor: contender.answersFrom, client })
}

function clientsOf(traffic: Traffic): Load['client'] {
  const key = JSON.stringify(traffic)
  const known = knownClients.get(key) ?? clients(traffic)
  knownClients.set(key, known)
  return known
}

async function askOnce(opened: Opened, { tenants, clients }: AskTask): Promise<Asked> {
  const left = tenants.values()
  const times: number[] = []
  let sockets = 0
  const client = async (): Promise<void> => {
    for (const tenant of left) {
      times.push(await timeOfOne(opened, tenant))
      sockets = Math.max(sockets, openSockets())
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return { times, sockets }
}

async function timeOfOne({ contender, open, databases }: Opened, tenant: number): Promise<number> {
  const columns = COLUMN_LISTS[tenant % COLUMN_LISTS.length] as readonly string[]
  const operation: Operation = { kind: 'read', columns, id: 1 + (tenant % ITEMS) }
  const database = databases[tenant] as string
  const startedAt = performance.now()
  const row = await open.session(database)(operation)
  const millis = performance.now() - startedAt
  if (isRight(operation, row, tenant, database, contender.answersFrom)) return millis
  throw new Error(`A wrong row for ${database}.`)
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}
