/* Draws all results in `plots/`, only from the files of results. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { drawPlots } from './report/plots.ts'
import { readResult } from './support/result.ts'

const FOLDER = new URL('./plots/', import.meta.url)

mkdirSync(FOLDER, { recursive: true })
for (const server of ['mariadb', 'mysql']) {
  const resultOf = (name: string): unknown => readResult(`${name}-${server}`)
  for (const [name, svg] of drawPlots(resultOf)) {
    writeFileSync(new URL(`${name}-${server}.svg`, FOLDER), svg)
  }
}
