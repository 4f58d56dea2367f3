import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'

/** A row of a tenant's table `notes`. The database itself fills in `tenant`. */
export interface StampedNote {
  readonly id: number
  readonly text: string
  readonly tenant: string
}

/** What `GET /notes` answers. */
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
  /** Rows of another tenant than the one that was asked. */
  readonly wrongRows: number
  /** Connections that were used. */
  readonly connections: number
  /** Connections that more than one tenant used. */
  readonly sharedConnections: number
}

/** The number of requests. They go to the tenants by turns, all at once. */
export const REQUESTS = 200
const TIMEOUT_MILLIS = 30_000

/** Asks the server for the notes of all tenants at once, and looks at every row that comes back. */
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

/** Names the tenant as a browser does: by the host. */
async function askForNotes(port: number, tenant: string): Promise<NotesAnswer> {
  const outgoing = get({
    ...{ host: '127.0.0.1', port, path: '/notes' },
    headers: { host: `${tenant}.localhost:${port}` },
    agent: false, // a connection of its own, so that none waits for another
    signal: AbortSignal.timeout(TIMEOUT_MILLIS),
  })
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const answer = await json(incoming)
  if (incoming.statusCode !== 200) throw new Error(`The status is ${incoming.statusCode}.`)
  return answer as NotesAnswer
}
