import type { StormFault } from '../../../src/testing/storm-fault.ts'
import type { World } from '../world.ts'
import { AIMED_PHASES } from './aim.ts'
import { connectionFaults } from './connections.ts'
import { serverFaults } from './servers.ts'
import { tenantFaults } from './tenants.ts'

/** No connection is idle for long, so none is validated. */
const CROWDED = AIMED_PHASES.filter((phase) => phase !== 'validating')

/** Few connections are validated while others are available, so half of the faults wait for that phase. */
const SPARSE = [...AIMED_PHASES, ...AIMED_PHASES.map(() => 'validating' as const)]

/** All faults of this project's storms. */
export function allFaults(world: World, isSparse: boolean): readonly StormFault[] {
  return [
    ...connectionFaults(world, isSparse ? SPARSE : CROWDED),
    ...serverFaults(world),
    ...tenantFaults(world),
  ]
}
