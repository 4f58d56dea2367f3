import { Gate } from '../../src/connection/gate.ts'

/** Lets a test see the gates that are handed out, which a pool keeps to itself. Gives the end of it. */
export function watchGates(onGate: (gate: Gate) => void): () => void {
  const { lease } = Gate.prototype
  Gate.prototype.lease = function (tenant) {
    onGate(this)
    return lease.call(this, tenant)
  }
  return () => {
    Gate.prototype.lease = lease
  }
}
