import { Scheduler } from '../../src/pool/scheduling/scheduler.ts'
import { limitsOf } from './loads.ts'

const WAITING = 10_000
const ROUNDS = 200_000

/** The scheduler's own time for handing over one connection with very many waiters, in µs. */
export function microsPerHandOut(): number {
  const limits = { ...limitsOf(50), maxWaitingPerTenant: WAITING }
  const scheduler = new Scheduler<number, number>(limits)
  const members = Array.from({ length: 50 }, (_, index) => scheduler.add(index))
  const wait = (turn: number) => scheduler.wait(`t${(turn * 7919) % 1_000}`, turn, turn)
  for (let turn = 0; turn < WAITING; turn++) wait(turn)
  const held = members.flatMap(() => scheduler.next(0) ?? [])
  let began = 0
  for (let turn = -ROUNDS; turn < ROUNDS; turn++) {
    if (turn === 0) began = performance.now() // compiled by now
    const { member, waiter } = held.shift() as (typeof held)[number]
    scheduler.release(member, waiter.share.database, 0)
    wait(turn + ROUNDS)
    const next = scheduler.next(0)
    if (next) held.push(next)
  }
  return ((performance.now() - began) / ROUNDS) * 1_000
}
