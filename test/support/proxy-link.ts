import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { PacketFinder } from './wire-packets.ts'
import { type WirePhase, WireState } from './wire-phase.ts'

/** A direction of data: from clients to the server, or the server's answers. */
export type Direction = 'sent' | 'answers'

const DIRECTIONS: readonly Direction[] = ['sent', 'answers']

/** When to cut: after this many more packets or bytes of a direction. */
export interface CutPoint {
  readonly direction: Direction
  readonly packets?: number
  readonly bytes?: number
}

/** The current treatment of data, of one connection or of all. */
export class Weather {
  readonly stalled: Set<Direction> = new Set()
  cutPoint: { direction: Direction; packets: number; bytes: number } | undefined
  delayMillis = 0
  sliceBytes = 0

  stall(direction?: Direction): void {
    for (const each of direction ? [direction] : DIRECTIONS) this.stalled.add(each)
  }

  cutAfter({ direction, packets = Infinity, bytes = Infinity }: CutPoint): void {
    this.cutPoint = { direction, packets, bytes }
  }
}

/** Callbacks of a link. */
export interface LinkEvents {
  /** True if a caller watches packets. */
  readonly isWatched: boolean
  onSent(data: Buffer): void
  /** Called after each packet of either side, and before a client's packet is passed on. */
  onPacket(link: Link): void
  onEnd(link: Link): void
}

/** One client's connection to the proxy, and the proxy's connection to the server. */
export class Link {
  /** The treatment of this connection, in addition to the treatment of all. */
  readonly weather: Weather = new Weather()
  readonly #sockets: readonly [Socket, Socket]
  readonly #pipes: readonly [Pipe, Pipe]
  readonly #events: LinkEvents
  readonly #state = new WireState()
  #isBlack: boolean

  constructor(
    client: Socket,
    upstream: Socket,
    general: Weather,
    isBlack: boolean,
    events: LinkEvents,
  ) {
    this.#sockets = [client, upstream]
    this.#isBlack = isBlack
    this.#events = events
    const weathers = [this.weather, general] as const
    const cut = (): void => this.cut()
    this.#pipes = [
      new Pipe('sent', client, upstream, weathers, cut),
      new Pipe('answers', upstream, client, weathers, cut),
    ]
    client.on('data', (data: Buffer) => events.onSent(data))
    for (const [index, socket] of this.#sockets.entries()) {
      const pipe = this.#pipes[index] as Pipe
      const finder = new PacketFinder()
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('data', (data: Buffer) => this.#take(DIRECTIONS[index] as Direction, finder, data))
      socket.on('close', () => {
        if (!this.#isBlack) pipe.end()
        if (this.#sockets.every(({ destroyed }) => destroyed)) events.onEnd(this)
      })
    }
  }

  /** The server's own id of the connection; undefined before its greeting. */
  get connectionId(): number | undefined {
    return this.#state.connectionId
  }

  /** The phase of the connection, from its client's point of view. */
  get phase(): WirePhase {
    return this.#state.phase
  }

  /** True while data can flow in both directions. */
  get isOpen(): boolean {
    return (
      !this.#isBlack && this.#sockets.every(({ destroyed, readable }) => !destroyed && readable)
    )
  }

  /** Holds back data and ends of connections from now on, in one direction or, if none is given, in both. */
  stall(direction?: Direction): void {
    for (const pipe of this.#pipes) pipe.excuseWaiting()
    this.weather.stall(direction)
  }

  /** Passes on the data that was held back. */
  release(): void {
    this.weather.stalled.clear()
    this.flush()
  }

  /** Drops all data and ends of connections for ever. */
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
    for (const socket of this.#sockets) {
      // Node 20 never closes a socket that is reset after its end was sent. Then the process could not exit.
      if (socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  /** If a caller watches, data is passed on packet by packet, so that a stall begins between packets. */
  #take(direction: Direction, finder: PacketFinder, data: Buffer): void {
    if (this.#isBlack) return
    const pipe = this.#pipes[DIRECTIONS.indexOf(direction)] as Pipe
    let from = 0
    for (const { packet, start, end } of finder.find(data)) {
      if (direction === 'sent') this.#state.sent(packet)
      else this.#state.answered(packet)
      if (!this.#events.isWatched) continue
      const at = direction === 'sent' ? start : end
      if (at > from) pipe.push(data.subarray(from, at))
      from = at
      this.#events.onPacket(this)
    }
    if (from < data.length) pipe.push(data.subarray(from))
  }
}

/** One direction of a link. Data is passed on in order, and the end of the connection comes last. */
class Pipe {
  readonly #direction: Direction
  readonly #from: Socket
  readonly #to: Socket
  readonly #weathers: readonly Weather[]
  readonly #cut: () => void
  readonly #packets = new PacketFinder()
  readonly #waiting: { data: Buffer; due: number; isExcused: boolean }[] = []
  #isPassing = false
  #isEnded = false

  constructor(
    direction: Direction,
    from: Socket,
    to: Socket,
    weathers: readonly Weather[],
    cut: () => void,
  ) {
    this.#direction = direction
    this.#from = from
    this.#to = to
    this.#weathers = weathers
    this.#cut = cut
  }

  push(data: Buffer): void {
    const delayMillis = Math.max(...this.#weathers.map((weather) => weather.delayMillis))
    this.#waiting.push({ data, due: Date.now() + delayMillis, isExcused: false })
    this.flush()
  }

  /** Lets data that is already on its way pass, even after a stall begins. */
  excuseWaiting(): void {
    for (const each of this.#waiting) each.isExcused = true
  }

  /** Drops data that is on its way. */
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

  get #isStalled(): boolean {
    if (this.#waiting[0]?.isExcused) return false
    return this.#weathers.some(({ stalled }) => stalled.has(this.#direction))
  }

  get #sliceBytes(): number {
    return this.#weathers.map(({ sliceBytes }) => sliceBytes).find((bytes) => bytes > 0) ?? 0
  }

  async #pass(): Promise<void> {
    this.#isPassing = true
    while (!this.#isStalled) {
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
    const isDone = this.#waiting.length === 0 && !this.#isStalled
    if (this.#isEnded && isDone) this.#to.destroySoon()
  }

  async #write(data: Buffer): Promise<void> {
    const passed = this.#upToCut(data)
    const size = this.#sliceBytes || passed.length
    for (let at = 0; at < passed.length; at += size) {
      if (at > 0) await turn()
      await this.#writePiece(passed.subarray(at, at + size))
    }
    if (passed.length < data.length) this.#cut()
  }

  /** Reads no more from a sender than the receiver reads. */
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
    const packets = this.#packets.find(data)
    for (const weather of this.#weathers) {
      const point = weather.cutPoint
      if (point?.direction !== this.#direction) continue
      const last = point.packets === 0 ? 0 : packets[point.packets - 1]?.end
      const end = Math.min(last ?? data.length, point.bytes)
      if (end < data.length) {
        weather.cutPoint = undefined
        return data.subarray(0, end)
      }
      point.packets -= packets.length
      point.bytes -= data.length
    }
    return data
  }
}
