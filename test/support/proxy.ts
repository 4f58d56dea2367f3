import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

/** Which way data goes: from clients to the server, or its answers back. */
export type Direction = 'sent' | 'answers'

/** When to cut: once so many packets or bytes of a direction have been passed on from now. */
export interface CutPoint {
  readonly direction: Direction
  readonly packets?: number
  readonly bytes?: number
}

/** A TCP proxy in front of a server: sees what is sent, and can be every kind of bad network. */
export interface Proxy {
  /** The server's URL with the proxy's address in it. */
  readonly url: string
  /** Each piece of data that came from clients, in order. */
  readonly sent: Buffer[]
  /** Connections that clients have made so far. */
  readonly accepted: number
  /** Stops passing on what the server says; clients see a server that does not answer. */
  hold(): void
  /** Keeps what comes, and each good-bye, of one direction; without one, of both. */
  stall(direction?: Direction): void
  /** Passes on what was kept, and everything from now on. */
  release(): void
  /** Cuts every connection. What was kept is lost. */
  cut(): void
  /** Cuts every connection with an RST. */
  reset(): void
  /** Cuts the connection on which this point is reached. */
  cutAfter(point: CutPoint): void
  /** Holds everything back for a time, both ways; 0 ends it. */
  delay(millis: number): void
  /** Passes data on in pieces of so many bytes; 0 ends it. */
  slice(bytes: number): void
  /** Swallows all data and each good-bye for ever: on these connections, and on new ones. */
  blackHole(): void
  /** New connections work again; those that were swallowed stay so. */
  endBlackHole(): void
  /** New connections are refused. */
  refuse(): Promise<void>
  /** New connections are taken again. */
  accept(): Promise<void>
}

/** What the proxy does at present, the same for all connections. */
interface Weather {
  readonly stalled: Set<Direction>
  cutPoint: { direction: Direction; packets: number; bytes: number } | undefined
  delayMillis: number
  sliceBytes: number
  isBlack: boolean
}

/** Runs a function with a proxy in front of a server. */
export async function withProxy<T>(
  serverUrl: string,
  fn: (proxy: Proxy) => Promise<T>,
): Promise<T> {
  const links = new Set<Link>()
  const sent: Buffer[] = []
  const weather: Weather = {
    stalled: new Set(),
    cutPoint: undefined,
    delayMillis: 0,
    sliceBytes: 0,
    isBlack: false,
  }
  const target = new URL(serverUrl)
  let accepted = 0
  const server = createServer((client) => {
    accepted++
    const upstream = connect(Number(target.port), target.hostname)
    const link = new Link(client, upstream, weather, sent)
    links.add(link)
    link.onEnd = () => links.delete(link)
  })
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  const url = new URL(serverUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const each = (act: (link: Link) => void): void => {
    for (const link of [...links]) act(link)
  }
  const cut = (): void => each((link) => link.cut())
  const stall = (direction?: Direction): void => {
    for (const each of direction ? [direction] : (['sent', 'answers'] as const)) {
      weather.stalled.add(each)
    }
  }
  try {
    return await fn({
      url: url.href,
      sent,
      get accepted() {
        return accepted
      },
      hold: () => stall('answers'),
      stall,
      release: () => {
        weather.stalled.clear()
        each((link) => link.flush())
      },
      cut,
      reset: () => each((link) => link.reset()),
      cutAfter: ({ direction, packets = Infinity, bytes = Infinity }) => {
        weather.cutPoint = { direction, packets, bytes }
      },
      delay: (millis) => {
        weather.delayMillis = millis
      },
      slice: (bytes) => {
        weather.sliceBytes = bytes
      },
      blackHole: () => {
        weather.isBlack = true
        each((link) => link.blacken())
      },
      endBlackHole: () => {
        weather.isBlack = false
      },
      refuse: async () => void server.close(),
      accept: () => listen(port),
    })
  } finally {
    cut()
    if (server.listening) {
      server.close()
      await once(server, 'close')
    }
  }
}

/** One client's connection, and the proxy's own to the server. */
class Link {
  onEnd: () => void = () => undefined
  readonly #sockets: readonly [Socket, Socket]
  readonly #pipes: readonly [Pipe, Pipe]
  #isBlack: boolean

  constructor(client: Socket, upstream: Socket, weather: Weather, sent: Buffer[]) {
    this.#sockets = [client, upstream]
    this.#isBlack = weather.isBlack
    const cut = (): void => this.cut()
    this.#pipes = [
      new Pipe('sent', client, upstream, weather, cut),
      new Pipe('answers', upstream, client, weather, cut),
    ]
    client.on('data', (data: Buffer) => sent.push(data))
    for (const [index, socket] of this.#sockets.entries()) {
      const pipe = this.#pipes[index] as Pipe
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('data', (data: Buffer) => this.#isBlack || pipe.push(data))
      socket.on('close', () => {
        if (!this.#isBlack) pipe.end()
        if (this.#sockets.every(({ destroyed }) => destroyed)) this.onEnd()
      })
    }
  }

  blacken(): void {
    this.#isBlack = true
    for (const pipe of this.#pipes) pipe.forget()
  }

  flush(): void {
    for (const pipe of this.#pipes) pipe.flush()
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }
}

/** One direction of a link: what comes is passed on in order, and its end comes last. */
class Pipe {
  readonly #direction: Direction
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: Weather
  readonly #cut: () => void
  readonly #packets = new PacketCounter()
  readonly #waiting: { data: Buffer; due: number }[] = []
  #isPassing = false
  #isEnded = false

  constructor(direction: Direction, from: Socket, to: Socket, weather: Weather, cut: () => void) {
    this.#direction = direction
    this.#from = from
    this.#to = to
    this.#weather = weather
    this.#cut = cut
  }

  push(data: Buffer): void {
    this.#waiting.push({ data, due: Date.now() + this.#weather.delayMillis })
    this.flush()
  }

  /** What was on its way is lost. */
  forget(): void {
    this.#waiting.length = 0
  }

  end(): void {
    this.#isEnded = true
    this.flush()
  }

  flush(): void {
    if (!this.#isPassing) void this.#pass()
  }

  async #pass(): Promise<void> {
    this.#isPassing = true
    while (!this.#weather.stalled.has(this.#direction)) {
      const next = this.#waiting[0]
      if (next === undefined) break
      const early = next.due - Date.now()
      if (early > 0) {
        await new Promise((resolve) => setTimeout(resolve, early))
        continue // a stall may have begun
      }
      this.#waiting.shift()
      await this.#write(next.data)
    }
    this.#isPassing = false
    const isDone = this.#waiting.length === 0 && !this.#weather.stalled.has(this.#direction)
    if (this.#isEnded && isDone) this.#to.destroySoon()
  }

  async #write(data: Buffer): Promise<void> {
    const passed = this.#upToCut(data)
    const size = this.#weather.sliceBytes || passed.length
    for (let at = 0; at < passed.length; at += size) {
      if (at > 0) await turn()
      await this.#writePiece(passed.subarray(at, at + size))
    }
    if (passed.length < data.length) this.#cut()
  }

  /** Takes no more from a sender than the receiver reads. */
  async #writePiece(piece: Buffer): Promise<void> {
    if (this.#to.destroyed || this.#to.write(piece)) return
    this.#from.pause()
    await new Promise<void>((resolve) => {
      this.#to.once('drain', resolve)
      this.#to.once('close', () => resolve())
    })
    this.#from.resume()
  }

  #upToCut(data: Buffer): Buffer {
    const point = this.#weather.cutPoint
    const starts = this.#packets.starts(data)
    if (point?.direction !== this.#direction) return data
    const end = Math.min(starts[point.packets] ?? data.length, point.bytes)
    if (end >= data.length) {
      point.packets -= starts.length
      point.bytes -= data.length
      return data
    }
    this.#weather.cutPoint = undefined
    return data.subarray(0, end)
  }
}

/** Finds where MySQL's packets begin: each has its length in the first three of four bytes. */
class PacketCounter {
  #left = 0
  #header: number[] = []

  starts(data: Buffer): number[] {
    const starts: number[] = []
    for (let at = 0; at < data.length; ) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, data.length - at)
        this.#left -= step
        at += step
        continue
      }
      if (this.#header.length === 0) starts.push(at)
      this.#header.push(data[at] as number)
      at++
      if (this.#header.length < 4) continue
      const [low = 0, middle = 0, high = 0] = this.#header
      this.#left = low + middle * 256 + high * 65_536
      this.#header = []
    }
    return starts
  }
}
