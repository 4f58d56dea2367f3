/** The quartiles of some measurements. */
export interface Quartiles {
  readonly lower: number
  readonly median: number
  readonly upper: number
}

/** The quartiles of a list, in any order. */
export function quartiles(values: readonly number[]): Quartiles {
  const [lower, median, upper] = percentiles(values, [0.25, 0.5, 0.75])
  return { lower, median, upper } as Quartiles
}

/** The percentiles of a list, in any order, for these shares. */
export function percentiles(values: readonly number[], shares: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort()
  return shares.map((share) => {
    const position = share * (sorted.length - 1)
    const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]]
    return ((below as number) + (above as number)) / 2
  })
}
