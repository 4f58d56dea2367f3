/** The visible parts of a packet of MySQL's protocol. */
export interface WirePacket {
  readonly sequenceId: number
  /** The length of its body in bytes. */
  readonly length: number
  /** The beginning of its body. */
  readonly head: Buffer
}

/** A packet that ends in this piece of data. */
export interface FoundPacket {
  readonly packet: WirePacket
  /** Its start in this piece; 0 if it began in an earlier piece. */
  readonly start: number
  /** The start of the next packet. */
  readonly end: number
}

/** Enough for the version in a greeting, and for the first words of a statement. */
const HEAD_BYTES = 80

const HEADER_BYTES = 4

/**
 * Finds MySQL's packets in a stream of bytes that arrives in any pieces. Each packet has a header of four
 * bytes: the length of its body in three bytes, and its number in the fourth.
 */
export class PacketFinder {
  #header: number[] = []
  #left = 0
  #head: Buffer[] = []
  #headLeft = 0

  /** The packets that end in this piece. */
  find(data: Buffer): FoundPacket[] {
    const found: FoundPacket[] = []
    let start = 0
    for (let at = 0; at < data.length; ) {
      if (this.#header.length < HEADER_BYTES) {
        if (this.#header.length === 0) start = at
        this.#header.push(data[at++] as number)
        if (this.#header.length === HEADER_BYTES) this.#begin()
      } else {
        at = this.#take(data, at)
      }
      if (this.#header.length < HEADER_BYTES || this.#left > 0) continue
      found.push({ packet: this.#end(), start, end: at })
      start = at
    }
    return found
  }

  #begin(): void {
    this.#left = this.#length
    this.#headLeft = Math.min(this.#left, HEAD_BYTES)
    this.#head = []
  }

  #take(data: Buffer, at: number): number {
    const end = Math.min(at + this.#left, data.length)
    if (this.#headLeft > 0) {
      const head = data.subarray(at, Math.min(end, at + this.#headLeft))
      this.#head.push(head)
      this.#headLeft -= head.length
    }
    this.#left -= end - at
    return end
  }

  #end(): WirePacket {
    const [head] = this.#head
    const packet = {
      sequenceId: this.#header[3] as number,
      length: this.#length,
      head: this.#head.length === 1 && head ? head : Buffer.concat(this.#head),
    }
    this.#header = []
    return packet
  }

  get #length(): number {
    const [low = 0, middle = 0, high = 0] = this.#header
    return low + middle * 2 ** 8 + high * 2 ** 16
  }
}
