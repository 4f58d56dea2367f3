/**
 * The highest size that nobody may exceed so that all together have at most `target`: the largest
 * give first, and whoever has less than the level gives nothing.
 */
export function levelFor(sizes: readonly number[], target: number): number {
  const descending = [...sizes].sort((a, b) => b - a)
  let rest = descending.reduce((sum, size) => sum + size, 0)
  if (rest <= target) return descending[0] ?? 0
  for (const [index, size] of descending.entries()) {
    rest -= size
    // With all up to here at one level, and the others as they are.
    const level = (target - rest) / (index + 1)
    if (level >= (descending[index + 1] ?? 0)) return Math.max(0, level)
  }
  return 0
}
