import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Random, seededRandom } from '../../../src/testing/random.ts'
import type { Reaper } from '../../../test/support/servers.ts'
import { strykerPackages } from '../stryker-package.ts'

/** A small change by Stryker at one place in the source. */
export interface GeneratedMutant {
  readonly file: string
  /** The offsets of the changed text. */
  readonly start: number
  readonly end: number
  /** The text to replace. */
  readonly changed: string
  readonly replacement: string
  /** Counts from 1. */
  readonly lineNumber: number
  /** The changed line of the source, without surrounding white space. */
  readonly line: string
}

/** The used part of `@stryker-mutator/instrumenter`. */
interface Instrumenter {
  instrument(
    files: readonly { name: string; mutate: true; content: string }[],
    options: object,
  ): Promise<{ mutants: readonly MadeMutant[] }>
}

interface MadeMutant {
  readonly fileName: string
  readonly mutatorName: string
  readonly replacement: string
  readonly location: { readonly start: Position; readonly end: Position }
}

/** Both count from 0. */
interface Position {
  readonly line: number
  readonly column: number
}

/** Three words in a row: a message, whose wording is free. */
const PROSE = /\b[a-z’']{2,} [a-z’']{2,} [a-z’']{2,}/

/**
 * Makes all mutants of these files except those in messages, in an order that depends on the seed.
 *
 * @param root the folder that the file names start from
 */
export async function generateMutants(
  reaper: Reaper,
  root: string,
  files: readonly string[],
  seed: number,
): Promise<GeneratedMutant[]> {
  const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
  const instrumenter = await loadInstrumenter(reaper)
  const { mutants } = await instrumenter.instrument(
    [...sources].map(([name, content]) => ({ name, mutate: true, content })),
    { excludedMutations: [], ignorers: [], plugins: null },
  )
  const made = mutants.map((mutant) => placed(mutant, sources.get(mutant.fileName) as string))
  const wanted = made.filter(({ changed }) => !isProse(changed))
  return shuffled(seededRandom(seed), wanted)
}

/** Applies a mutant to a source. */
export function applyGenerated(
  { start, end, replacement }: GeneratedMutant,
  source: string,
): string {
  return source.slice(0, start) + replacement + source.slice(end)
}

async function loadInstrumenter(reaper: Reaper): Promise<Instrumenter> {
  const folder = join(await strykerPackages(reaper), 'instrumenter')
  const { main, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    main?: string
    exports?: Record<string, string>
  }
  const entry = exports?.['.'] ?? main
  if (entry === undefined) throw new Error('@stryker-mutator/instrumenter has no entry.')
  const { Instrumenter } = (await import(pathToFileURL(join(folder, entry)).href)) as {
    Instrumenter: new (logger: object) => Instrumenter
  }
  return new Instrumenter({
    debug: () => undefined,
    info: () => undefined,
    isDebugEnabled: () => false,
  })
}

function placed(
  { fileName, mutatorName, replacement, location }: MadeMutant,
  source: string,
): GeneratedMutant {
  const lines = source.split('\n')
  const offsetOf = ({ line, column }: Position): number =>
    lines.slice(0, line).reduce((sum, { length }) => sum + length + 1, column)
  const line = lines[location.start.line] ?? ''
  // `a && b` may be part of a longer `&&`. At the start of a line it would be parsed as a call.
  const isPart = mutatorName === 'LogicalOperator' && line.slice(0, location.start.column).trim()
  const [start, end] = [offsetOf(location.start), offsetOf(location.end)]
  return {
    file: fileName,
    start,
    end,
    changed: source.slice(start, end),
    replacement: isPart ? `(${replacement})` : replacement,
    lineNumber: location.start.line + 1,
    line: line.trim(),
  }
}

function isProse(text: string): boolean {
  return /^['"`]/.test(text) && PROSE.test(text)
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
