import { pick } from '../../../src/testing/random.ts'
import { withClockAhead } from '../../../test/support/clock.ts'
import type { Link } from '../../../test/support/proxy-link.ts'
import type { WirePhase } from '../../../test/support/wire-phase.ts'
import type { World } from '../world.ts'

/** Faults are aimed at connections in these phases. */
export const AIMED_PHASES = [
  'connecting',
  'idle',
  'validating',
  'switching',
  'resetting',
  'running',
  'streaming',
  'in transaction',
  'commit sent',
  'releasing',
  'draining',
] as const satisfies readonly Phase[]

/** The phase of a connection, including the pool's phases. */
export type Phase = WirePhase | 'releasing' | 'draining' | 'closing'

/** How long to wait for a phase. */
const PATIENCE_MILLIS = 300

/** Phases that only the pool knows do not appear in packets. So the pool is asked this often. */
const POLL_MILLIS = 2

/** How long the pool trusts an idle connection. */
const TRUSTED_MILLIS = 5_001

/** A connection whose data is held back, and its phase. */
export interface Target {
  readonly link: Link
  readonly phase: Phase
}

/**
 * Waits for a connection in a phase, and holds back its requests, its answers, or both. If no connection
 * reaches the phase, takes any; undefined if there are no connections.
 */
export async function aim(
  world: World,
  wanted: Phase,
  random: () => number,
): Promise<Target | undefined> {
  let target: Target | undefined
  const wait = async (): Promise<void> => {
    target = await waitFor(world, wanted, random)
  }
  await (wanted === 'validating' ? withClockAhead(TRUSTED_MILLIS, wait) : wait())
  return target
}

function waitFor(world: World, wanted: Phase, random: () => number): Promise<Target | undefined> {
  const { proxy } = world
  const direction = pick(random, ['sent', 'answers', undefined] as const)
  return new Promise((resolve) => {
    const take = (link: Link | undefined): void => {
      proxy.watch(undefined)
      clearInterval(poll)
      clearTimeout(timer)
      const phase = link && phaseOf(world, link)
      link?.stall(direction)
      resolve(link && phase && { link, phase })
    }
    const look = (link: Link): boolean => {
      const isThere = isAimable(link) && phaseOf(world, link) === wanted
      if (isThere) take(link)
      return isThere
    }
    const poll = setInterval(() => [...proxy.links].some(look), POLL_MILLIS)
    const timer = setTimeout(() => {
      const links = [...proxy.links].filter(isAimable)
      take(links.length > 0 ? pick(random, links) : undefined)
    }, PATIENCE_MILLIS)
    proxy.watch(look)
  })
}

/** The phases of all connections. */
export function phasesOf(world: World): Record<string, number> {
  const phases: Record<string, number> = {}
  for (const link of world.proxy.links) {
    const phase = phaseOf(world, link)
    phases[phase] = (phases[phase] ?? 0) + 1
  }
  return phases
}

function isAimable({ isOpen, connectionId }: Link): boolean {
  return isOpen && connectionId !== undefined
}

function phaseOf({ tenantKnex }: World, { connectionId, phase }: Link): Phase {
  const pooled = tenantKnex.connections().find((one) => one.connectionId === connectionId)
  switch (pooled?.state) {
    case 'cleaning':
      return 'releasing'
    case 'draining':
    case 'closing':
      return pooled.state
    default:
      return phase
  }
}
