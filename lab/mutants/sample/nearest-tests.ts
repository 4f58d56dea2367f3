import { type Coverage, covers } from './coverage.ts'
import type { GeneratedMutant } from './generate.ts'

/** The time that the nearest tests and the wider ones take without a mutant. */
const NEAR_SECONDS = 40
const WIDER_SECONDS = 60

/** Test files, and their time without a mutant. */
export interface TestGroup {
  readonly tests: readonly string[]
  readonly seconds: number
}

/** The test files that should catch a mutant. */
export interface NearestTests {
  readonly near: TestGroup
  readonly wider: TestGroup
  /** How many more test files run the changed place, but take too long. */
  readonly leftOut: number
}

/**
 * Finds the test files that run the changed place. The nearest are those that run little of the source beside
 * the mutant's file.
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

/** The tests that fit into the time, and the first one in any case. */
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

/** This file's share of the source that a test file runs. */
function shareOf({ spans }: Coverage, file: string): number {
  const lengths = Object.values(spans).map(lengthOf)
  return lengthOf(spans[file] ?? []) / lengths.reduce((sum, length) => sum + length, 0)
}

function lengthOf(spans: Coverage['spans'][string]): number {
  return spans.reduce((sum, [start, end]) => sum + end - start, 0)
}
