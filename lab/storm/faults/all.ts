import type { StormFault } from '../../../src/testing/storm-fault.ts'
import type { World } from '../world.ts'
import { AIMED_PHASES } from './aim.ts'
import { connectionFaults } from './connections.ts'
import { serverFaults } from './servers.ts'
import { tenantFaults } from './tenants.ts'

/** Where no connection is ever idle for long, none is asked whether it is there. */
const CROWDED = AIMED_PHASES.filter((phase) => phase !== 'validating')

/** Few are asked as long as others are at hand: half of the faults wait for that. */
const SPARSE = [...AIMED_PHASES, ...AIMED_PHASES.map(() => 'validating' as const)]

/** Everything that this project breaks in a storm. */
export function allFaults(world: World, isSparse: boolean): readonly StormFault[] {
  return [
    ...connectionFaults(world, isSparse ? SPARSE : CROWDED),
    ...serverFaults(world),
    ...tenantFaults(world),
  ]
}
