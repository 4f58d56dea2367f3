import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pick, type Random } from '../../src/testing/random.ts'
import { ANSWERS } from './behaviour.ts'

const TENANTS = ['a', 'b', 'c', 'd']
const KINDS = Object.keys(ANSWERS)
/** Kinds that do not end a connection are more frequent. */
const PATHS = [...KINDS, 'small', 'slow', 'large', 'streamed', 'small', 'slow', 'large', 'streamed']

/**
 * Sends some requests at once over one connection. Then reads the answers, or closes the connection early.
 */
export async function pipelineOnce(port: number, random: Random): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const count = 2 + Math.floor(random() * 5)
  socket.write(
    Array.from({ length: count }, (_, index) => request(random, index === count - 1)).join(''),
  )
  await readOrHangUp(socket, random)
}

async function readOrHangUp(socket: Socket, random: Random): Promise<void> {
  const closed = new Promise((done) => socket.once('close', done))
  const isSlow = random() < 0.3
  if (isSlow) await sleep(5)
  socket.resume()
  if (random() < 0.3) {
    await sleep(random() * 15)
    if (random() < 0.5) socket.resetAndDestroy()
    else socket.destroy()
  }
  // If a handler destroys its request before its turn, the others may wait for ever.
  const timer = setTimeout(() => socket.destroy(), 1_000)
  await closed
  clearTimeout(timer)
}

function request(random: Random, isLast: boolean): string {
  const isUpload = random() < 0.3
  const prefix = random() < 0.2 ? '/plain/' : '/'
  const headers = [
    `${isUpload ? 'POST' : 'GET'} ${prefix}${pick(random, PATHS)} HTTP/1.1`,
    'Host: a.test',
    `Connection: ${isLast ? 'close' : 'keep-alive'}`,
  ]
  for (const name of ['X-Tenant', 'Y-Tenant']) {
    if (random() < 0.8) headers.push(`${name}: ${pick(random, TENANTS)}`)
  }
  for (const name of ['X-Early', 'X-Later', 'X-Web']) if (random() < 0.3) headers.push(`${name}: 1`)
  if (!isUpload) return [...headers, '', ''].join('\r\n')
  const body = 'y'.repeat(Math.floor(random() * 30_000))
  return [...headers, `Content-Length: ${body.length}`, '', body].join('\r\n')
}
