/**
 * The level to which the largest sizes must shrink, so that the sum of all is at most `target`. Sizes
 * below the level stay as they are.
 */
export function levelFor(sizes: readonly number[], target: number): number {
  const descending = [...sizes].sort((a, b) => b - a)
  let rest = descending.reduce((sum, size) => sum + size, 0)
  if (rest <= target) return descending[0] ?? 0
  for (const [index, size] of descending.entries()) {
    rest -= size
    // The level if all sizes up to this one shrink to it, and the others stay as they are.
    const level = (target - rest) / (index + 1)
    if (level >= (descending[index + 1] ?? 0)) return Math.max(0, level)
  }
  return 0
}
