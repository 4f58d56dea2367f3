import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'

const POLL_MILLIS = 50

/**
 * Waits until a server answers at its URL.
 *
 * @throws the last connection error after the time limit; the signal's reason if that comes first
 */
export async function untilReachable(
  url: string,
  timeoutMillis: number,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + timeoutMillis
  for (;;) {
    signal?.throwIfAborted()
    try {
      await reach(new URL(url))
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await sleep(POLL_MILLIS)
  }
}

/** A free port of the loopback interface. */
export async function freePort(attempts = 20): Promise<number> {
  // Outside the range from which the system chooses ports: it could choose this one before the server uses
  // it.
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
    return port
  } catch (error) {
    if (attempts === 1) throw error
    return await freePort(attempts - 1)
  } finally {
    probe.close()
  }
}

async function reach(url: URL): Promise<void> {
  if (url.protocol.startsWith('redis')) {
    await reachPort(Number(url.port || 6379), url.hostname)
  } else {
    const connection = await createConnection(url.href)
    await connection.end()
  }
}

async function reachPort(port: number, host: string): Promise<void> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}
