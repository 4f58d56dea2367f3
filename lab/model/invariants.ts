import { SWITCH_MILLIS, type World } from './world.ts'

/** The invariants that hold whenever nothing is running. */
export function checkNow(world: World): void {
  checkHolders(world)
  checkIdle(world)
  checkTimers(world)
  for (const { id, doom, isOpen, isFollowed } of world.sessions) {
    if (doom && isOpen && !isFollowed) world.fail(`connection ${id} is open although ${doom}`)
  }
}

/** A connection has at most one holder. */
function checkHolders(world: World): void {
  const held = world.users.flatMap(({ lease }) => (lease ? [lease.threadId] : []))
  if (new Set(held).size !== held.length) world.fail(`connections are held twice: ${held}`)
}

/** A switch that has ended has no timeout left, which could end its connection later. */
function checkTimers(world: World): void {
  const limits = world.clock.running([SWITCH_MILLIS]).length
  const switches = world.sessions.filter(({ isSwitching }) => isSwitching).length
  if (limits !== switches) world.fail(`${limits} time limits run for ${switches} switches`)
}

/** An idle connection is open, runs nothing, and has no open transaction in its session. */
function checkIdle(world: World): void {
  for (const { connectionId, state } of world.pool.connections()) {
    const session = world.sessions[connectionId - 1]
    if (state !== 'idle' || !session?.isOpen) continue
    if (session.pending.length > 0) world.fail(`connection ${connectionId} is idle, and runs`)
    if (session.content.transaction)
      world.fail(`idle connection ${connectionId} is in a transaction`)
  }
}

/** The invariants that hold after everything has ended. */
export function checkEnd(world: World): void {
  for (const { name, settled } of world.statements) {
    if (settled !== 1) world.fail(`${name} was answered ${settled} times`)
  }
  for (const { name, state } of world.users) {
    if (state !== 'away') world.fail(`${name} is ${state} for ever`)
  }
  const { used, waiting } = world.pool.stats()
  if (used > 0 || waiting > 0) world.fail(`the pool is stuck: ${used} used, ${waiting} waiting`)
  for (const { connectionId } of world.pool.connections()) {
    const gate = world.gates.get(connectionId)
    if (gate && !gate.isUsable && world.sessions[connectionId - 1]?.isOpen) {
      world.fail(`connection ${connectionId} is kept although it must not be used`)
    }
  }
}
