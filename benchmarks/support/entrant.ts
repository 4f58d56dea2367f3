import type { Entry } from '../contenders/load.ts'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import { type Answerer, startAnswerer } from './calls.ts'
import type { Setting } from './contender.ts'
import type { ContenderCalls, TurnTask } from './contender-process.ts'
import type { Measured } from './summary.ts'

/** A contender in a process of its own, with its own account at the server. */
export interface Entrant {
  readonly process: Answerer<ContenderCalls>
  readonly name: string
  readonly user: string
}

/** The part of a setting that contenders share, and another address for the server, such as a proxy's. */
export interface Place extends Omit<Setting, 'connection'> {
  readonly way?: Way
}

/** Another address for the server. */
export interface Way {
  readonly host: string
  readonly port: number
}

/** Starts a contender's process. The account's number tells it from the others. */
export async function enter(
  field: Field,
  entry: Entry,
  { poolMax, databases, way }: Place,
  number = 0,
): Promise<Entrant> {
  const connection = { ...(await field.account(number)), ...way }
  const flags = isBrief ? ['--brief'] : []
  const process = startAnswerer<ContenderCalls>('./contender-process.ts', flags)
  try {
    const setting = { connection, poolMax, databases }
    const name = await process.call('open', { entry, setting })
    return { process, name, user: connection.user }
  } catch (error) {
    await process.end()
    throw error
  }
}

/** Closes the contender, and ends its process. */
export async function leave({ process }: Entrant): Promise<void> {
  try {
    await process.call('close')
  } finally {
    await process.end()
  }
}

/** Runs a function with a contender in a process of its own. */
export async function withEntrant<T>(
  field: Field,
  entry: Entry,
  place: Place,
  fn: (entrant: Entrant) => Promise<T>,
): Promise<T> {
  const entrant = await enter(field, entry, place)
  try {
    return await fn(entrant)
  } finally {
    await leave(entrant)
  }
}

/** Gives a contender a turn: its process measures itself, and this one measures the server. */
export async function takeTurn(
  field: Field,
  { process, user }: Entrant,
  turn: TurnTask,
): Promise<Measured> {
  const before = field.cpu?.()
  const here = await process.call('turn', turn)
  const after = field.cpu?.()
  const serverMicros = before === undefined || after === undefined ? undefined : after - before
  return { ...here, serverMicros, connections: await field.connections(user) }
}
