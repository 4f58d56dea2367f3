import { once } from 'node:events'
import { get, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { EXAMPLES } from '../../../examples/run/examples.ts'
import { ExampleProcess } from './support/example-process.ts'
import { canRun } from './support/example-suite.ts'
import { databaseUrl } from './support/left-behind.ts'

/** A request of each server that reads a body, and then needs the database. */
const REQUESTS: Record<string, { path: string; body: string; type?: string; host?: string }> = {
  express: { path: '/notes', body: '{"text":"Anvils"}' },
  fastify: { path: '/acme/notes', body: '{"text":"Anvils"}', host: 'localhost' },
  graphql: { path: '/', body: '{"query":"{ notes { id } }"}' },
  hapi: { path: '/notes', body: 'text=Anvils', type: 'application/x-www-form-urlencoded' },
  hono: { path: '/notes', body: '{"text":"Anvils"}' },
  koa: { path: '/notes', body: 'text=Anvils', type: 'application/x-www-form-urlencoded' },
  nestjs: { path: '/notes', body: '{"text":"Anvils"}' },
}

describe('examples that are told to end in the middle of a request', () => {
  for (const name of Object.keys(REQUESTS)) {
    it(`such as ${name}, answer it as if nothing were`, async function () {
      this.timeout(90_000)
      databaseUrl()
      if (!EXAMPLES.has(name) || !canRun(name)) return this.skip()
      const example = await ExampleProcess.begin([name])
      try {
        await example.untilWritten('It runs.')
        const status = await statusOf(name, example)
        expect(status, example.output).to.be.within(200, 303)
      } finally {
        example.interrupt()
        expect(await example.end(), example.output).to.equal(0)
      }
    })
  }
})

describe('the example with Koa, when it is told to end while a page shows its live list', () => {
  it('ends the list, and then itself', async function () {
    this.timeout(90_000)
    databaseUrl()
    if (!canRun('koa')) return this.skip()
    const example = await ExampleProcess.begin(['koa'])
    try {
      await example.untilWritten('It runs.')
      const { port } = example
      const headers = { host: `acme.localhost:${port}` }
      const [incoming] = (await once(
        get({ port, path: '/pool', host: '127.0.0.1', headers }),
        'response',
      )) as [IncomingMessage]
      await once(incoming, 'readable')
      example.interrupt()
      expect(await text(incoming)).to.include('data: {') // rejects if the connection was cut
    } finally {
      example.interrupt()
      expect(await example.end(), example.output).to.equal(0)
    }
  })
})

/** Sends half of a body, tells the example to end, and sends the rest. */
async function statusOf(name: string, example: ExampleProcess): Promise<number> {
  const {
    path,
    body,
    type = 'application/json',
    host = 'acme.localhost',
  } = REQUESTS[name] ?? never()
  const { port } = example
  const outgoing = request({
    ...{ port, path, host: '127.0.0.1', method: 'POST' },
    headers: {
      host: `${host}:${port}`,
      'content-type': type,
      'content-length': body.length,
      expect: '100-continue', // the server says so when it has begun
    },
  })
  outgoing.flushHeaders()
  await once(outgoing, 'continue')
  outgoing.write(body.slice(0, 5))
  example.interrupt()
  while (await isListening(port)) await new Promise(setImmediate)
  outgoing.end(body.slice(5))
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  await text(incoming)
  return incoming.statusCode as number
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

function never(): never {
  throw new Error('There is no such example.')
}
