import { pick } from '../../../src/testing/random.ts'
import { withClockAhead } from '../../../test/support/clock.ts'
import type { Link } from '../../../test/support/proxy-link.ts'
import type { WirePhase } from '../../../test/support/wire-phase.ts'
import type { World } from '../world.ts'

/** The phases in which faults are aimed at connections. */
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

/** What a connection is doing, the pool's part included. */
export type Phase = WirePhase | 'releasing' | 'draining' | 'closing'

/** How long a phase is waited for. */
const PATIENCE_MILLIS = 300

/** Phases that only the pool knows do not show in a packet: it is asked so often. */
const POLL_MILLIS = 2

/** For so long the pool trusts an idle connection. */
const TRUSTED_MILLIS = 5_001

/** A connection whose data is held back, and the phase that it is in. */
export interface Target {
  readonly link: Link
  readonly phase: Phase
}

/**
 * Waits for a connection to be in a phase and holds it there: what it sends, what it is answered, or
 * both. Where none comes to be, takes any as it is; undefined where there is none at all.
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

/** What all connections are doing. */
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
