import { pick, pickWeighted, type Random, seededRandom, seedOf } from './random.ts'

/** The choices of a storm's plan. */
export interface Choices<O, F> {
  readonly seed: number
  readonly tenants: readonly string[]
  readonly operations: readonly O[]
  readonly faults: readonly F[]
  /** Operations from one fault to the next, on average. */
  readonly faultEvery: number
}

/** One planned operation. */
export interface Step<O, F> {
  /** From 1. */
  readonly number: number
  readonly operation: O
  readonly tenant: string
  /** Some other tenant. */
  readonly otherTenant: string
  /** True if the operation uses the tenant in scope. */
  readonly isAmbient: boolean
  /** The fault that strikes before the operation begins. */
  readonly fault: F | undefined
  /** For the choices of the operation and the fault themselves. */
  readonly random: Random
}

interface Weighted {
  readonly weight?: number
}

/** One step of a storm's plan. It depends on the seed and the number alone. */
export function planStep<O extends Weighted, F extends Weighted>(
  { seed, tenants, operations, faults, faultEvery }: Choices<O, F>,
  number: number,
): Step<O, F> {
  const random = seededRandom(seedOf(seed, number))
  const operation = pickWeighted(random, operations)
  const tenant = pick(random, tenants)
  const others = tenants.length - 1
  const shift = 1 + Math.floor(random() * others)
  const otherTenant = tenants[(tenants.indexOf(tenant) + shift) % tenants.length] as string
  const isAmbient = random() < 0.4
  const isStruck = faults.length > 0 && random() < 1 / faultEvery
  const fault = isStruck ? pickWeighted(random, faults) : undefined
  return { number, operation, tenant, otherTenant, isAmbient, fault, random }
}
