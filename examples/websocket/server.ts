/*
 * WebSockets: the request that opens a WebSocket names its tenant. Every message on it is handled in that
 * tenant's scope, and is sent to all clients of the same tenant.
 */
import { createServer } from 'node:http'
import { createTenantKnex } from 'tenant-knex'
import { nodeRequest, subdomain } from 'tenant-knex/resolve'
import { type WebSocket, WebSocketServer } from 'ws'
import { PAGE } from './page.ts'

const { DATABASE_URL = '', DATABASE_PREFIX = '', PORT = '3000' } = process.env

const tenants = new Set(['acme', 'globex'])
const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => (tenants.has(id) ? `${DATABASE_PREFIX}${id}` : null), // null: no such tenant
})
const resolve = subdomain({ baseDomains: ['localhost'] })

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE)
})
const webSockets = new WebSocketServer({ noServer: true, maxPayload: 10_000 })
const rooms = new Map<string, Set<WebSocket>>()
/** Messages that are being handled now. */
const working = new Set<Promise<void>>()

server.on('upgrade', async (request, socket, head) => {
  socket.on('error', () => socket.destroy())
  try {
    const tenant = await resolve(nodeRequest(request))
    if (typeof tenant !== 'string') throw new Error('The request names no tenant.')
    await tenantKnex.lookup(tenant) // throws if there is no such tenant
    webSockets.handleUpgrade(request, socket, head, (webSocket) => join(tenant, webSocket))
  } catch {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  }
})

function join(tenant: string, webSocket: WebSocket): void {
  const room = rooms.get(tenant) ?? new Set()
  rooms.set(tenant, room.add(webSocket))
  webSocket.on('close', () => {
    room.delete(webSocket)
    if (room.size === 0 && rooms.get(tenant) === room) rooms.delete(tenant)
  })
  webSocket.on('error', () => webSocket.terminate())

  const inScope = (work: () => Promise<void>): void => {
    const done = tenantKnex
      .run(tenant, work)
      .catch((error) => {
        console.error(error)
        webSocket.close(1011)
      })
      .finally(() => working.delete(done))
    working.add(done)
  }
  webSocket.on('message', (data) => {
    const text = String(data)
    if (text.trim() !== '') inScope(() => addNote(text))
  })
  inScope(() => welcome(webSocket))
}

/** Sends the existing notes to a new client. */
async function welcome(webSocket: WebSocket): Promise<void> {
  const notes = await tenantKnex.ambient('notes').orderBy('id').select('id', 'text')
  for (const note of notes) webSocket.send(JSON.stringify(note))
}

/** Keeps a note, and sends it to all clients of the tenant. */
async function addNote(text: string): Promise<void> {
  const [id] = await tenantKnex.ambient('notes').insert({ text: text.slice(0, 200) })
  const { tenant } = tenantKnex.current()
  for (const webSocket of rooms.get(tenant.id) ?? []) webSocket.send(JSON.stringify({ id, text }))
}

server.listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', async () => {
  const late = setTimeout(() => {
    for (const webSocket of webSockets.clients) webSocket.terminate()
    server.closeAllConnections()
  }, 5_000)
  for (const webSocket of webSockets.clients) webSocket.close(1001)
  await new Promise((done) => server.close(done)) // waits for WebSockets too
  clearTimeout(late)
  await Promise.all(working) // lets running messages end
  await tenantKnex.destroy()
})
