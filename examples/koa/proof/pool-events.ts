import { setTimeout as sleep } from 'node:timers/promises'
import type { TenantKnex } from 'tenant-knex'

const LOOK_MILLIS = 40
const REPEAT_MILLIS = 1_000

/**
 * The pool's connections as Server-Sent Events: one event after a change, and at least one a second. Ends
 * when `stopped` is aborted.
 */
export async function* poolEvents(
  tenantKnex: TenantKnex,
  stopped: AbortSignal,
): AsyncGenerator<string> {
  let last = { text: '', at: 0 }
  while (!stopped.aborted) {
    const connections = tenantKnex.connections().sort((a, b) => a.connectionId - b.connectionId)
    const { waiting } = tenantKnex.stats().servers[0]
    const text = JSON.stringify({ waiting, connections })
    const now = new Date()
    if (text !== last.text || Number(now) - last.at >= REPEAT_MILLIS) {
      last = { text, at: Number(now) }
      yield `data: ${JSON.stringify({ now, waiting, connections })}\n\n`
    }
    await sleep(LOOK_MILLIS)
  }
}
