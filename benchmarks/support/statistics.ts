/** Where the middle half of the measurements lies. */
export interface Quartiles {
  readonly lower: number
  readonly median: number
  readonly upper: number
}

/** The quartiles of a list that need not be sorted. */
export function quartiles(values: readonly number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => {
    const position = share * (sorted.length - 1)
    const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]]
    return (((below as number) + (above as number)) / 2) as number
  }
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) }
}
