import type { Mutant } from './mutant.ts'

/** The result of a mutant. */
export interface Verdict {
  readonly mutant: Mutant
  /** Title of the failing test; undefined if no test failed. */
  readonly caughtBy: string | undefined
  readonly seconds: number
  /** How many operations of the storm it took to detect it; undefined if the storm was not run. */
  readonly storm: string | undefined
}

/** The page with all results, in markdown. */
export function page(verdicts: readonly Verdict[]): string {
  const caught = verdicts.filter(({ caughtBy }) => caughtBy !== undefined).length
  return `# Mutants

${verdicts.length} deliberate defects, each put into the source by itself: ${caught} caught. The test named here is the first that failed.
Made by \`npm run mutants\`; the defects are in \`list/\`.

${table(verdicts)}
`
}

/** A markdown table. It has a column for the storm if the storm was run. */
export function table(verdicts: readonly Verdict[]): string {
  const hasStorm = verdicts.some(({ storm }) => storm !== undefined)
  const head = ['Mutant', 'What can happen then', 'File', 'Caught by', 'Seconds']
  const rule = ['-', '-', '-', '-', '-:']
  if (hasStorm) {
    head.push('Operations of the storm')
    rule.push('-:')
  }
  return [head, rule, ...verdicts.map((verdict) => cells(verdict, hasStorm))].map(line).join('\n')
}

function cells({ mutant, caughtBy, seconds, storm }: Verdict, hasStorm: boolean): string[] {
  const { name, harm, file } = mutant
  const found = caughtBy ?? '**nothing**'
  const row = [name, harm, `\`${file.replace('src/', '')}\``, found, rough(seconds)]
  return hasStorm ? [...row, storm ?? ''] : row
}

/** Rounded, because exact times would change with each run. */
function rough(seconds: number): string {
  return seconds < 2 ? '< 2' : `${Math.ceil(seconds / 5) * 5}`
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}
