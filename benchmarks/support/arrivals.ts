import type { Random } from '../../src/testing/random.ts'

/** A request that comes at its time, however many wait already. */
export interface Arrival {
  /** After the start. */
  readonly millis: number
  /** The tenant's number. */
  readonly tenant: number
  /** How long its connection is busy. */
  readonly busyMillis: number
}

/** Tenants that send requests, each as many as the others. */
export interface Source {
  readonly tenants: readonly number[]
  /** Of all these tenants together. */
  readonly perSecond: number
  readonly busyMillis: number
}

/** Requests of some tenants from one time to another, as a Poisson process has them: in order. */
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
