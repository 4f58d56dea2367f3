import { seededRandom } from '../../../../src/testing/random.ts'

/** Whole numbers below a limit, the same for the same seed. */
export function numbers(seed: number): (limit: number) => number {
  const random = seededRandom(seed)
  return (limit) => Math.floor(random() * limit)
}
