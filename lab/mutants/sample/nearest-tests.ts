import { type Coverage, covers } from './coverage.ts'
import type { GeneratedMutant } from './generate.ts'

/** How long the nearest tests take without a mutant, and how long the wider ones. */
const NEAR_SECONDS = 40
const WIDER_SECONDS = 60

/** Test files, and how long they take without a mutant. */
export interface TestGroup {
  readonly tests: readonly string[]
  readonly seconds: number
}

/** The test files that are to catch a mutant. */
export interface NearestTests {
  readonly near: TestGroup
  readonly wider: TestGroup
  /** How many more run the changed place, but take too long. */
  readonly leftOut: number
}

/**
 * Finds the test files that run the place that a mutant changes. The nearest are those that run
 * little else of the source than the mutant's file.
 */
export function nearestTests(
  { file, start }: GeneratedMutant,
  coverage: ReadonlyMap<string, Coverage>,
): NearestTests {
  const running = [...coverage]
    .filter(([, one]) => one.failing === undefined && covers(one, file, start))
    .map(([test, one]) => ({ test, seconds: one.seconds, share: shareOf(one, file) }))
    .sort((a, b) => b.share - a.share)
  const near = within(NEAR_SECONDS, running)
  const rest = running.filter(({ test }) => !near.tests.includes(test))
  const wider = within(WIDER_SECONDS, rest)
  return { near, wider, leftOut: rest.length - wider.tests.length }
}

/** Those of them that have room in the time, the first one in any case. */
function within(limit: number, list: readonly { test: string; seconds: number }[]): TestGroup {
  const tests: string[] = []
  let sum = 0
  for (const { test, seconds } of list) {
    if (tests.length > 0 && sum + seconds > limit) continue
    tests.push(test)
    sum += seconds
  }
  return { tests, seconds: sum }
}

/** How much of what a test file runs of the source is in this file. */
function shareOf({ spans }: Coverage, file: string): number {
  const lengths = Object.values(spans).map(lengthOf)
  return lengthOf(spans[file] ?? []) / lengths.reduce((sum, length) => sum + length, 0)
}

function lengthOf(spans: Coverage['spans'][string]): number {
  return spans.reduce((sum, [start, end]) => sum + end - start, 0)
}
