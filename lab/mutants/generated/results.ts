import { HARMLESS, type Harmless } from './harmless.ts'
import type { StrykerMutant, StrykerReport } from './stryker.ts'

/** The least share of mutants that the tests must detect. */
const LEAST = 0.95

/** A mutant that no test detected. */
export interface Survivor {
  readonly file: string
  /** The source line that it changed, without surrounding white space. */
  readonly line: string
  readonly replacement: string
  readonly reason: string | undefined
}

/** The result of one module. */
export interface ModuleResult {
  readonly file: string
  readonly made: number
  readonly caught: number
}

/** The result of all modules. */
export interface Results {
  readonly modules: readonly ModuleResult[]
  readonly survivors: readonly Survivor[]
  /** Entries of `harmless.ts` that match no surviving mutant. */
  readonly stale: readonly Harmless[]
  /** The problems; empty if there are none. */
  readonly problems: readonly string[]
}

const NOT_TRIED = new Set(['CompileError', 'RuntimeError', 'Ignored'])
const NOTICED = new Set(['Killed', 'Timeout'])

/** Reads Stryker's report. */
export function readReport({ files }: StrykerReport): Results {
  const modules: ModuleResult[] = []
  const survivors: Survivor[] = []
  for (const [file, { source, mutants }] of Object.entries(files).sort(byName)) {
    const made = mutants.filter(({ status }) => !NOT_TRIED.has(status))
    const left = made.filter(({ status }) => !NOTICED.has(status))
    modules.push({ file, made: made.length, caught: made.length - left.length })
    survivors.push(...left.map((mutant) => survivorOf(file, source, mutant)))
  }
  const stale = HARMLESS.filter((entry) => !survivors.some((survivor) => isSame(entry, survivor)))
  return { modules, survivors, stale, problems: problemsOf(modules, survivors, stale) }
}

/** The detected share in percent. */
export function percentage(modules: readonly ModuleResult[]): number {
  const sum = (of: (module: ModuleResult) => number) =>
    modules.reduce((total, module) => total + of(module), 0)
  return (100 * sum(({ caught }) => caught)) / sum(({ made }) => made)
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1
}

function survivorOf(file: string, source: string, mutant: StrykerMutant): Survivor {
  const line = source.split('\n')[mutant.location.start.line - 1]?.trim() ?? ''
  const replacement = mutant.replacement.replaceAll(/\s+/g, ' ')
  const reason = HARMLESS.find((entry) => isSame(entry, { file, line, replacement }))?.reason
  return { file, line, replacement, reason }
}

function isSame(entry: Harmless, { file, line, replacement }: Omit<Survivor, 'reason'>): boolean {
  return entry.file === file && line.includes(entry.line) && entry.replacement === replacement
}

function problemsOf(
  modules: readonly ModuleResult[],
  survivors: readonly Survivor[],
  stale: readonly Harmless[],
): string[] {
  const problems = survivors
    .filter(({ reason }) => reason === undefined)
    .map(({ file, line, replacement }) => `not noticed: ${file}: ${line} -> ${replacement}`)
  for (const { file, line, replacement } of stale) {
    problems.push(`listed as harmless, but noticed or gone: ${file}: ${line} -> ${replacement}`)
  }
  const noticed = percentage(modules)
  if (!(noticed >= 100 * LEAST)) problems.push(`${noticed.toFixed(1)} % noticed, less than 95`)
  return problems
}
