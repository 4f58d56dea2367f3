import { ServerConnection } from '../../src/connection/server-connection.ts'

/** Lets a test see the gates that are handed out, which a pool keeps to itself. Gives the end of it. */
export function watchGates(onGate: (gate: ServerConnection) => void): () => void {
  const { lease } = ServerConnection.prototype
  ServerConnection.prototype.lease = function (place, use) {
    onGate(this)
    return lease.call(this, place, use)
  }
  return () => {
    ServerConnection.prototype.lease = lease
  }
}
