import { Duplex } from 'node:stream'

/** The other end of a socket. */
export interface Peer {
  receive(bytes: Buffer): void
  onClose(): void
}

/** The client's end of a connection. mysql2 uses it as a socket. */
export class Socket extends Duplex {
  readonly #peer: Peer

  constructor(peer: Peer) {
    super({ allowHalfOpen: false })
    this.#peer = peer
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#peer.receive(bytes)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#peer.onClose()
    done(error)
  }
}
