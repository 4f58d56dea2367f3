import type { Random } from '../../src/testing/random.ts'

/** A request that comes at a fixed time, even if earlier ones still wait. */
export interface Arrival {
  /** The time after the start. */
  readonly millis: number
  /** The tenant's number. */
  readonly tenant: number
  /** How long its connection is busy. */
  readonly busyMillis: number
}

/** Tenants that send the same number of requests each. */
export interface Source {
  readonly tenants: readonly number[]
  /** The rate of all these tenants together. */
  readonly perSecond: number
  readonly busyMillis: number
}

/** The requests of some tenants in a period of time, in order, as a Poisson process. */
export function arrivalsOf(
  random: Random,
  { tenants, perSecond, busyMillis }: Source,
  from: number,
  until: number,
): Arrival[] {
  const arrivals: Arrival[] = []
  let millis = from
  for (;;) {
    millis -= (Math.log(1 - random()) / perSecond) * 1_000
    if (millis >= until) return arrivals
    const tenant = tenants[Math.floor(random() * tenants.length)] as number
    arrivals.push({ millis, tenant, busyMillis })
  }
}
