import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { environment } from './environment.ts'

const FOLDER = new URL('../results/', import.meta.url)

/** Writes a benchmark's results and its environment to `results/NAME.json`. */
export function writeResult(name: string, result: object): void {
  const content = { date: new Date().toISOString().slice(0, 10), ...environment(), ...result }
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(new URL(`${name}.json`, FOLDER), `${JSON.stringify(content, null, 2)}\n`)
}

/** Reads `results/NAME.json`; undefined if it does not exist. */
export function readResult(name: string): unknown {
  const file = new URL(`${name}.json`, FOLDER)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** Prints a Markdown table whose first row is the heading, followed by a blank line. */
export function printTable(rows: readonly (readonly string[])[]): void {
  console.log(`${markdownTable(rows)}\n`)
}

/** Formats a Markdown table whose first row is the heading. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [heading = [], ...body] = rows
  const lines = [heading, heading.map(() => '-'), ...body]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
