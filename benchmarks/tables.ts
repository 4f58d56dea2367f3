/* Writes the tables of all results into README.md, so that all figures there come from the results. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fillIn } from './report/readme.ts'

const file = new URL('./README.md', import.meta.url)
writeFileSync(file, fillIn(readFileSync(file, 'utf8')))
