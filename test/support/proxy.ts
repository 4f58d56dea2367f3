import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type CutPoint, type Direction, Link, Weather } from './proxy-link.ts'

/** A TCP proxy in front of a server. It sees all data, and can simulate every kind of bad network. */
export interface Proxy {
  /** The server's URL with the proxy's address. */
  readonly url: string
  /** Each piece of data from clients, in order. */
  readonly sent: Buffer[]
  /** How many connections clients have made. */
  readonly accepted: number
  /** The connections that are open now. */
  readonly links: ReadonlySet<Link>
  /** Calls a function after each packet of any connection; undefined stops that. */
  watch(onPacket: ((link: Link) => void) | undefined): void
  /** Stops passing on the server's answers: clients see a server that does not answer. */
  hold(): void
  /** Holds back data and ends of connections, in one direction or, if none is given, in both. */
  stall(direction?: Direction): void
  /** Passes on the data that was held back, and all later data. */
  release(): void
  /** Cuts every connection. Data that was held back is lost. */
  cut(): void
  /** Cuts every connection with an RST. */
  reset(): void
  /** Cuts the connection that reaches this point. */
  cutAfter(point: CutPoint): void
  /** Delays all data by a time, in both directions; 0 ends it. */
  delay(millis: number): void
  /** Passes data on in pieces of this size; 0 ends it. */
  slice(bytes: number): void
  /** Drops all data and ends of connections for ever: on the present connections, and on new ones. */
  blackHole(): void
  /** New connections work again. The dropped ones do not. */
  endBlackHole(): void
  /** Refuses new connections. */
  refuse(): Promise<void>
  /** Accepts new connections again. */
  accept(): Promise<void>
}

/** Options of a proxy. */
export interface ProxyOptions {
  /** Gets the data from clients, which is then not kept. */
  readonly onSent?: (data: Buffer) => void
}

/** Runs a function with a proxy in front of a server. */
export async function withProxy<T>(
  serverUrl: string,
  fn: (proxy: Proxy) => Promise<T>,
  options: ProxyOptions = {},
): Promise<T> {
  const links = new Set<Link>()
  const sent: Buffer[] = []
  const weather = new Weather()
  let isBlack = false
  let watcher: ((link: Link) => void) | undefined
  const events = {
    get isWatched() {
      return watcher !== undefined
    },
    onSent: options.onSent ?? ((data: Buffer) => void sent.push(data)),
    onPacket: (link: Link) => watcher?.(link),
    onEnd: (link: Link) => void links.delete(link),
  }
  const target = new URL(serverUrl)
  let accepted = 0
  const server = createServer((client) => {
    accepted++
    const upstream = connect(Number(target.port), target.hostname)
    links.add(new Link(client, upstream, weather, isBlack, events))
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
  try {
    return await fn({
      url: url.href,
      sent,
      get accepted() {
        return accepted
      },
      links,
      watch: (onPacket) => {
        watcher = onPacket
      },
      hold: () => weather.stall('answers'),
      stall: (direction) => weather.stall(direction),
      release: () => {
        weather.stalled.clear()
        each((link) => link.flush())
      },
      cut,
      reset: () => each((link) => link.reset()),
      cutAfter: (point) => weather.cutAfter(point),
      delay: (millis) => {
        weather.delayMillis = millis
      },
      slice: (bytes) => {
        weather.sliceBytes = bytes
      },
      blackHole: () => {
        isBlack = true
        each((link) => link.blacken())
      },
      endBlackHole: () => {
        isBlack = false
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
