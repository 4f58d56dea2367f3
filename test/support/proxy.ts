import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy in front of a server: sees what is sent, and can hold or cut it. */
export interface Proxy {
  /** The server's URL with the proxy's address in it. */
  readonly url: string
  /** Each piece of data that came from clients, in order. */
  readonly sent: Buffer[]
  /** Stops passing on what the server says; clients see a server that does not answer. */
  hold(): void
  /** Passes on what was held, and everything from now on. */
  release(): void
  /** Cuts every connection. */
  cut(): void
}

/** Runs a function with a proxy in front of a server. */
export async function withProxy(
  serverUrl: string,
  fn: (proxy: Proxy) => Promise<void>,
): Promise<void> {
  const target = new URL(serverUrl)
  const sent: Buffer[] = []
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  let isHolding = false

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.on('data', (data: Buffer) => {
      sent.push(data)
      upstream.write(data)
    })
    upstream.on('data', (data: Buffer) => {
      if (isHolding) held.push(() => client.write(data))
      else client.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(serverUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  try {
    await fn({
      url: url.href,
      sent,
      hold: () => {
        isHolding = true
      },
      release: () => {
        isHolding = false
        for (const pass of held.splice(0)) pass()
      },
      cut,
    })
  } finally {
    cut()
    server.close()
    await once(server, 'close')
  }
}
