import { setTimeout as sleep } from 'node:timers/promises'
import type { Arrival } from './arrivals.ts'

/** The result of a request. */
export interface Outcome {
  readonly arrival: Arrival
  /** From its scheduled time to its answer, in milliseconds, including a late start. */
  readonly latency: number
  /** How late it was sent, because this process was busy, in milliseconds. */
  readonly lateness: number
  readonly error: string | undefined
  /** False if the answer was another tenant's. */
  readonly isRight: boolean
}

/** Returns true if the answer was right. */
export type Send = (arrival: Arrival) => Promise<boolean>

/** Sends each request at its scheduled time, and waits for all answers. */
export async function runOpenLoop(arrivals: readonly Arrival[], send: Send): Promise<Outcome[]> {
  const sorted = arrivals.toSorted((one, other) => one.millis - other.millis)
  const startedAt = performance.now()
  const outcomes: Promise<Outcome>[] = []
  for (const arrival of sorted) {
    const early = arrival.millis - (performance.now() - startedAt)
    // Timers have whole milliseconds, and never fire too early.
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
