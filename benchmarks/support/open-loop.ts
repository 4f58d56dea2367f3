import { setTimeout as sleep } from 'node:timers/promises'
import type { Arrival } from './arrivals.ts'

/** What became of a request. */
export interface Outcome {
  readonly arrival: Arrival
  /** From its time to its answer, in milliseconds: with what it was sent too late. */
  readonly latency: number
  /** How much too late it was sent: this process was busy. */
  readonly lateness: number
  readonly error: string | undefined
  /** False where there was an answer that was not the tenant's own. */
  readonly isRight: boolean
}

/** Gives whether the answer was right. */
export type Send = (arrival: Arrival) => Promise<boolean>

/** Sends each request at its time, and waits for all answers. */
export async function runOpenLoop(arrivals: readonly Arrival[], send: Send): Promise<Outcome[]> {
  const sorted = arrivals.toSorted((one, other) => one.millis - other.millis)
  const startedAt = performance.now()
  const outcomes: Promise<Outcome>[] = []
  for (const arrival of sorted) {
    const early = arrival.millis - (performance.now() - startedAt)
    // Timers go by whole milliseconds, and never end too early.
    if (early >= 1) await sleep(early)
    outcomes.push(outcomeOf(arrival, startedAt + arrival.millis, send))
  }
  return Promise.all(outcomes)
}

async function outcomeOf(arrival: Arrival, dueAt: number, send: Send): Promise<Outcome> {
  const lateness = Math.max(0, performance.now() - dueAt)
  const answer = await send(arrival).then(
    (isRight) => ({ isRight, error: undefined }),
    (error: unknown) => ({ isRight: true, error: String(error) }),
  )
  return { arrival, lateness, latency: performance.now() - dueAt, ...answer }
}
