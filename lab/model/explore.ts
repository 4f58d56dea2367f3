import { createHash } from 'node:crypto'
import { seededRandom } from '../../src/testing/random.ts'
import { Clock } from './clock.ts'
import { watchGates } from './gates.ts'
import { checkEnd, checkNow } from './invariants.ts'
import { World, type WorldLimits } from './world.ts'

/** The statistics of an exploration. */
export interface Explored {
  /** How many different states. */
  readonly states: number
  /** How many steps from one state to another; each is counted once. */
  readonly transitions: number
  /** How many steps in all, including those that only lead back to a branch. */
  readonly steps: number
  /** How many paths from the first state to an end. */
  readonly runs: number
  /** The number of steps of the longest path. */
  readonly longest: number
  /** True if nothing was left out. */
  readonly isComplete: boolean
}

/** A path that breaks an invariant. */
export class Violation extends Error {
  readonly way: readonly string[]

  constructor(violations: readonly string[], way: readonly string[]) {
    super(`${violations.join('\n')}\nafter ${way.length} steps:\n  ${way.join('\n  ')}`)
    this.way = way
  }
}

/** Limits that end an exploration early. */
export interface Bounds {
  readonly depth?: number
  readonly runs?: number
}

interface Branching {
  readonly way: readonly string[]
  readonly actions: string[]
}

/**
 * Explores every possible path within the limits, depth first, and each state once. A run cannot go back, so
 * each run begins anew and proceeds to the next branch.
 *
 * @throws Violation
 */
export async function exploreAll(limits: WorldLimits, bounds: Bounds = {}): Promise<Explored> {
  const { depth = Infinity, runs: maxRuns = Infinity } = bounds
  const seen = new Map<string, number>()
  const branchings: Branching[] = []
  const count = { transitions: 0, steps: 0, runs: 0, longest: 0, isComplete: true }

  const visit = (world: World, way: readonly string[]): Branching | undefined => {
    const fingerprint = digest(world.fingerprint())
    const before = seen.get(fingerprint)
    // If paths have a maximum length, a state that is reached in fewer steps leads further.
    if (before !== undefined && (depth === Infinity || before <= way.length)) return undefined
    seen.set(fingerprint, way.length)
    const actions = world.actions()
    if (way.length >= depth && actions.length > 0) count.isComplete = false
    return way.length >= depth ? undefined : { way, actions: actions.reverse() }
  }

  await inModel(limits, async (begin) => {
    let run = await begin()
    let at = visit(run.world, [])
    while (at !== undefined) {
      const action = at.actions.pop()
      if (action === undefined) {
        at = branchings.pop()
        continue
      }
      if (at.actions.length > 0) branchings.push(at)
      if (run.way.length !== at.way.length || run.isOver) {
        run = await begin()
        for (const step of at.way) await run.perform(step)
        count.steps += at.way.length
      }
      await run.perform(action)
      count.steps++
      count.transitions++
      count.longest = Math.max(count.longest, run.way.length)
      const next = visit(run.world, [...run.way])
      if (next?.actions.length) {
        at = next
        continue
      }
      await run.finish()
      count.runs++
      at = count.runs < maxRuns ? branchings.pop() : undefined
    }
  })
  const isComplete = count.isComplete && branchings.length === 0
  return { ...count, states: seen.size, isComplete }
}

/**
 * Takes random paths with a number of steps each.
 *
 * @param faultiness the probability that a step is a fault
 * @throws Violation
 */
export async function exploreAtRandom(
  limits: WorldLimits,
  steps: number,
  seed: number,
  { length = 300, faultiness = 0.15 } = {},
): Promise<Explored> {
  const random = seededRandom(seed)
  const seen = new Set<string>()
  const count = { transitions: 0, steps: 0, runs: 0, longest: 0, isComplete: false }
  await inModel(limits, async (begin) => {
    while (count.steps < steps) {
      const run = await begin()
      const faulty = faultiness * random() * 2
      while (run.way.length < length) {
        const action = choose(run.world.actions(), random, faulty)
        if (action === undefined) break
        await run.perform(action)
        seen.add(digest(run.world.fingerprint()))
        count.steps++
      }
      await run.finish()
      count.runs++
      count.longest = Math.max(count.longest, run.way.length)
    }
  })
  return { ...count, transitions: count.steps, states: seen.size }
}

function choose(actions: string[], random: () => number, faulty: number): string | undefined {
  const isFault = random() < faulty
  const fitting = actions.filter((action) => action.startsWith('!') === isFault)
  const among = fitting.length > 0 ? fitting : actions
  return among[Math.floor(random() * among.length)]
}

/**
 * Takes one path again.
 *
 * @throws Violation
 */
export async function replay(limits: WorldLimits, way: readonly string[]): Promise<void> {
  await inModel(limits, async (begin) => {
    const run = await begin()
    for (const step of way) await run.perform(step)
    await run.finish()
  })
}

/** The state itself would need 100 times the memory. */
function digest(fingerprint: string): string {
  return createHash('md5').update(fingerprint).digest('base64')
}

/** One path through a world. */
class Run {
  readonly world: World
  readonly way: string[] = []
  isOver = false

  constructor(world: World) {
    this.world = world
  }

  async perform(action: string): Promise<void> {
    this.way.push(action)
    await this.world.perform(action)
    checkNow(this.world)
    this.#throwViolations()
  }

  async finish(): Promise<void> {
    this.isOver = true
    await this.world.finish()
    checkNow(this.world)
    checkEnd(this.world)
    this.#throwViolations()
    await this.world.close()
    this.#throwViolations()
  }

  #throwViolations(): void {
    const { violations } = this.world
    if (violations.length > 0) throw new Violation(violations, this.way)
  }
}

/** Gives the model control of the clock, unhandled errors and mysql2's warnings. */
async function inModel(
  limits: WorldLimits,
  fn: (begin: () => Promise<Run>) => Promise<void>,
): Promise<void> {
  let world: World | undefined
  const clock = new Clock()
  const onStray = (error: unknown) => world?.fail(`nobody caught ${(error as Error)?.stack}`)
  const stopWatching = watchGates((gate) => world?.gates.set(gate.connectionId, gate))
  const { error: print } = console
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0 // errors are frequent here, and a path says more than a stack
  console.error = (message: unknown) => world?.fail(`a warning: ${message}`)
  process.on('unhandledRejection', onStray)
  clock.install()
  try {
    await fn(async () => {
      clock.reset()
      world = new World(limits, clock)
      await world.start()
      return new Run(world)
    })
  } finally {
    clock.uninstall()
    Error.stackTraceLimit = stackTraceLimit
    process.off('unhandledRejection', onStray)
    console.error = print
    stopWatching()
  }
}
