import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'

/** A row of a tenant's table `notes`. The database itself fills `tenant`. */
export interface StampedNote {
  readonly id: number
  readonly text: string
  readonly tenant: string
}

/** The response of `GET /notes`. */
export interface NotesAnswer {
  /** The server's id of the connection that was used. */
  readonly connectionId: number
  readonly notes: readonly StampedNote[]
}

/** The result of the requests. */
export interface Outcome {
  readonly requests: number
  readonly answers: number
  readonly errors: number
  readonly rows: number
  /** Rows that belong to another tenant than the request's. */
  readonly wrongRows: number
  /** How many connections were used. */
  readonly connections: number
  /** How many connections were used by more than one tenant. */
  readonly sharedConnections: number
}

/** The number of requests. They go to the tenants in turn, all at once. */
export const REQUESTS = 200
const TIMEOUT_MILLIS = 30_000

/** Requests the notes of all tenants at once, and checks every row. */
export async function sendVolley(port: number, tenants: readonly string[]): Promise<Outcome> {
  const asked = Array.from({ length: REQUESTS / tenants.length }, () => tenants).flat()
  const settled = await Promise.allSettled(asked.map((tenant) => askForNotes(port, tenant)))

  let [answers, rows, wrongRows] = [0, 0, 0]
  const tenantsOf = new Map<number, Set<string>>()
  for (const [index, tenant] of asked.entries()) {
    const result = settled[index]
    if (result?.status !== 'fulfilled') continue
    const { connectionId, notes } = result.value
    answers += 1
    rows += notes.length
    wrongRows += notes.filter((note) => note.tenant !== tenant).length
    tenantsOf.set(connectionId, (tenantsOf.get(connectionId) ?? new Set()).add(tenant))
  }
  return {
    requests: asked.length,
    answers,
    errors: asked.length - answers,
    rows,
    wrongRows,
    connections: tenantsOf.size,
    sharedConnections: [...tenantsOf.values()].filter(({ size }) => size > 1).length,
  }
}

/** The host names the tenant, as in a browser. */
async function askForNotes(port: number, tenant: string): Promise<NotesAnswer> {
  const outgoing = get({
    ...{ host: '127.0.0.1', port, path: '/notes' },
    headers: { host: `${tenant}.localhost:${port}` },
    agent: false, // a connection of its own, so that requests do not wait for each other
    signal: AbortSignal.timeout(TIMEOUT_MILLIS),
  })
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const answer = await json(incoming)
  if (incoming.statusCode !== 200) throw new Error(`The status is ${incoming.statusCode}.`)
  return answer as NotesAnswer
}
