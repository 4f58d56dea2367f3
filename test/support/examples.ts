import { readFileSync } from 'node:fs'

const ROOT = new URL('../../', import.meta.url)

/** A code example of a page. */
export interface Example {
  /** Where its code begins. */
  readonly line: number
  readonly code: string
}

/** A file of the project, by its path from the project's root. */
export function read(file: string): string {
  return readFileSync(new URL(file, ROOT), 'utf8')
}

/** The examples of a page: its blocks that begin with `ts` or `js` and nothing else. */
export function examplesOf(page: string): Example[] {
  return [...page.matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => ({
    line: page.slice(0, index).split('\n').length + 1,
    code,
  }))
}

/**
 * A file that a page shows: the block with this title. It is no example, as a test of its own runs it.
 *
 * @throws Error where the page has none
 */
export function titledFile(page: string, title: string): string {
  for (const [, name, text = ''] of page.matchAll(/^```\w+ title="(.*?)"\n(.*?)^```$/gms)) {
    if (name === title) return text
  }
  throw new Error(`The page shows no file ${title}.`)
}

/** What all blocks of a page begin with, those included that stand in a list. */
export function blockKindsOf(page: string): string[] {
  const fences = [...page.matchAll(/^ *```(.*)$/gm)].map(([fence]) => fence.replace('```', ''))
  return fences.filter((_, index) => index % 2 === 0)
}

/** What comments such as `// prints: a, b` say. */
export function promisedOutput({ code }: Example): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].flatMap(([, lines = '']) => lines.split(', '))
}
