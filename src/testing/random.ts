/** A source of numbers in [0, 1). */
export type Random = () => number

/** A generator that returns the same sequence for the same seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    return mix(state) / 2 ** 32
  }
}

/** The seed for one of many sequences, so that no sequence depends on the length of another. */
export function seedOf(seed: number, index: number): number {
  return mix((seed + Math.imul(index, 0x9e3779b1)) >>> 0)
}

/** One element of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T
}

/** One element of a list that is not empty, in proportion to the weights. The default weight is 1. */
export function pickWeighted<T extends { readonly weight?: number }>(
  random: Random,
  list: readonly T[],
): T {
  const total = list.reduce((sum, { weight = 1 }) => sum + weight, 0)
  let left = random() * total
  for (const one of list) {
    left -= one.weight ?? 1
    if (left < 0) return one
  }
  return list.at(-1) as T
}

function mix(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return (mixed ^ (mixed >>> 14)) >>> 0
}
