import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExampleError } from './failure.ts'

const USUAL_PORT = 3000
const LAST_PORT = 3099
const LOOK_MILLIS = 50

/** The port for an example: `PORT` of the environment, else 3000 or the next free port. */
export async function choosePort(): Promise<number> {
  const { PORT } = process.env
  if (PORT) {
    if (await isFree(Number(PORT))) return Number(PORT)
    throw new ExampleError(`Nothing can listen at PORT ${PORT}: is it in use?`)
  }
  for (let port = USUAL_PORT; port <= LAST_PORT; port++) if (await isFree(port)) return port
  throw new ExampleError('No port is free. Name one: PORT=8080 npm run example -- ...')
}

async function isFree(port: number): Promise<boolean> {
  try {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}

/** Waits until a program listens at the port; false if the signal comes first. */
export async function isListening(port: number, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (await answers(port)) return true
    await sleep(LOOK_MILLIS)
  }
  return false
}

async function answers(port: number): Promise<boolean> {
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
