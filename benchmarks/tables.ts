/* Writes the tables of all results into README.md, so that no figure there is another's. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fillIn } from './report/readme.ts'

const file = new URL('./README.md', import.meta.url)
writeFileSync(file, fillIn(readFileSync(file, 'utf8')))
