import type { GeneratedMutant } from './generate.ts'

/** The result of a mutant. */
export interface Verdict {
  /** Its number in the sample. */
  readonly number: number
  readonly mutant: GeneratedMutant
  /** The failing test; undefined if no test failed. */
  readonly caughtBy: string | undefined
  /** The reason why no test can detect it. */
  readonly harmless: string | undefined
  /** The tests that were not run, and why: `2 slow test files`. */
  readonly limit: string | undefined
}

/** All results, in markdown. */
export function page(seed: number, verdicts: readonly Verdict[]): string {
  const caught = verdicts.filter(({ caughtBy }) => caughtBy !== undefined)
  const left = verdicts.filter(({ caughtBy }) => caughtBy === undefined)
  const harmless = left.filter((verdict) => verdict.harmless !== undefined)
  const percent = ((100 * caught.length) / (verdicts.length - harmless.length)).toFixed(1)
  return `# A sample of mutants

Seed ${seed}: ${verdicts.length} tried, ${caught.length} caught, ${left.length - harmless.length} survived, ${harmless.length} harmless. ${percent} % of those that are not harmless were caught.

| Number | Survivor | Line | Changed | Becomes | Not tried | Why it is harmless |
| -: | - | - | - | - | - | - |
${left.map(row).join('\n')}
`
}

function row({ number, mutant, harmless = '', limit = '' }: Verdict): string {
  const place = `\`${mutant.file}:${mutant.lineNumber}\``
  const cells = [number, place, code(mutant.line), code(mutant.changed), code(mutant.replacement)]
  return `| ${[...cells, limit, harmless].join(' | ')} |`
}

function code(text: string): string {
  return `\`\` ${text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')} \`\``
}
