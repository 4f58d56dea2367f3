import { mkdirSync, writeFileSync } from 'node:fs'
import { environment } from './environment.ts'

const FOLDER = new URL('../results/', import.meta.url)

/** Writes what a benchmark has found, and what it ran on, to `results/NAME.json`. */
export function writeResult(name: string, result: object): void {
  const content = { date: new Date().toISOString().slice(0, 10), ...environment(), ...result }
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(new URL(`${name}.json`, FOLDER), `${JSON.stringify(content, null, 2)}\n`)
}

/** Prints a Markdown table, whose first row is the heading, and a blank line. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const [heading = [], ...body] = rows
  for (const cells of [heading, heading.map(() => '-'), ...body]) {
    console.log(`| ${cells.join(' | ')} |`)
  }
  console.log()
}
