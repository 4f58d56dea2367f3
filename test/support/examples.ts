import { readFileSync } from 'node:fs'

const ROOT = new URL('../../', import.meta.url)

/** A code example of a page. */
export interface Example {
  /** The line of its first line of code. */
  readonly line: number
  readonly code: string
}

/** Reads a file of the project, by its path from the project's root. */
export function read(file: string): string {
  return readFileSync(new URL(file, ROOT), 'utf8')
}

/** The examples of a page: its blocks with the info string `ts` or `js` alone. */
export function examplesOf(page: string): Example[] {
  return [...page.matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => ({
    line: page.slice(0, index).split('\n').length + 1,
    code,
  }))
}

/**
 * The code of a file that a page shows: the block with this title. It is not an example, because a separate
 * test runs it.
 *
 * @throws Error if the page has no such block
 */
export function titledFile(page: string, title: string): string {
  for (const [, name, text = ''] of page.matchAll(/^```\w+ title="(.*?)"\n(.*?)^```$/gms)) {
    if (name === title) return text
  }
  throw new Error(`The page shows no file ${title}.`)
}

/** The info strings of all blocks of a page, including blocks inside lists. */
export function blockKindsOf(page: string): string[] {
  const fences = [...page.matchAll(/^ *```(.*)$/gm)].map(([fence]) => fence.replace('```', ''))
  return fences.filter((_, index) => index % 2 === 0)
}

/** The expected output: the text of comments such as `// prints: a, b`. */
export function promisedOutput({ code }: Example): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].flatMap(([, lines = '']) => lines.split(', '))
}
