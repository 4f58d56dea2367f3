import { type Coverage, covers } from './coverage.ts'
import type { GeneratedMutant } from './generate.ts'

/** How long the nearest tests take without a mutant, and how long the wider ones. */
const NEAR_SECONDS = 20
const WIDER_SECONDS = 60

/** The test files that are to catch a mutant. */
export interface NearestTests {
  readonly near: readonly string[]
  readonly wider: readonly string[]
  /** How many more run the changed place, but take too long. */
  readonly leftOut: number
}

/**
 * Finds the test files that run the place that a mutant changes. The nearest have most words of
 * their names and folders in common with the source file.
 */
export function nearestTests(
  { file, start }: GeneratedMutant,
  coverage: ReadonlyMap<string, Coverage>,
): NearestTests {
  const running = [...coverage]
    .filter(([, one]) => one.failing === undefined && covers(one, file, start))
    .map(([test, { seconds }]) => ({ test, seconds, shared: sharedWords(test, file) }))
  const byNearness = running.toSorted((a, b) => b.shared - a.shared || a.seconds - b.seconds)
  const near = within(NEAR_SECONDS, byNearness)
  const rest = running.filter(({ test }) => !near.includes(test))
  const wider = within(
    WIDER_SECONDS,
    rest.toSorted((a, b) => a.seconds - b.seconds),
  )
  return { near, wider, leftOut: rest.length - wider.length }
}

/** The first of them, at least one, as long as they take no longer together. */
function within(limit: number, list: readonly { test: string; seconds: number }[]): string[] {
  let sum = 0
  return list
    .filter(({ seconds }, index) => {
      sum += seconds
      return index === 0 || sum <= limit
    })
    .map(({ test }) => test)
}

function sharedWords(test: string, file: string): number {
  const words = new Set(wordsOf(file))
  return wordsOf(test).filter((word) => words.has(word)).length
}

function wordsOf(path: string): string[] {
  return path.split(/[/.-]/).filter((word) => !['src', 'test', 'ts'].includes(word))
}
