import { existsSync } from 'node:fs'
import type { Environment } from '../support/environment.ts'
import type { Table } from '../support/format.ts'
import type { ServerResult } from '../support/on-each-server.ts'
import { markdownTable, readResult } from '../support/result.ts'
import { alternativesTable } from './alternatives.ts'
import { costsTable } from './costs.ts'
import { delayTable } from './delay.ts'
import { footprintTable } from './footprint.ts'
import { goalsTable } from './goals.ts'
import { leaksTable } from './leaks.ts'
import { neighboursTable } from './neighbours.ts'
import { piecesTable } from './pieces.ts'
import { resourcesTable } from './resources.ts'

/** The table of each benchmark's result. */
const TABLES: Readonly<Record<string, (result: never) => Table>> = {
  alternatives: alternativesTable,
  delay: delayTable,
  footprint: footprintTable,
  goals: goalsTable,
  leaks: leaksTable,
  mixes: costsTable,
  neighbours: neighboursTable,
  overhead: costsTable,
  pieces: piecesTable,
  resources: resourcesTable,
}

const SERVERS = ['mariadb', 'mysql']

/** `<!-- results: NAME -->` or `<!-- plot: NAME -->`, with the text that was filled in. */
const PLACES = /(<!-- (results|plot): ([\w-]+) -->\n).*?(<!-- end -->)/gs

/** Fills the results of each benchmark, and its plots, into a page between the marks with its name. */
export function fillIn(page: string): string {
  return page.replace(PLACES, (_, start: string, kind: string, name: string, end: string) => {
    const filled = kind === 'plot' ? images(name) : results(name)
    return `${start}${filled.map((part) => `\n${part}\n`).join('')}\n${end}`
  })
}

function results(name: string): string[] {
  const parts = SERVERS.flatMap((server) => {
    const result = readResult(`${name}-${server}`)
    return result === undefined ? [] : [describe(result as never), tableOf(name, result)]
  })
  return parts.length > 0 ? parts : [`Not measured yet: \`npm run bench -- ${name}\`.`]
}

function tableOf(name: string, result: unknown): string {
  const table = TABLES[name]
  if (table === undefined) throw new Error(`README.md shows results of ${name}: there are none.`)
  return markdownTable(table(result as never))
}

function describe(result: Environment & ServerResult & { readonly date: string }): string {
  const { server, date, cpu, cores, node, knex, mysql2, rounds } = result
  return (
    `${server.name} ${server.version}, ${date}: ${rounds} rounds. ${cores} cores of ${cpu}, ` +
    `Node ${node}, knex ${knex}, mysql2 ${mysql2}.`
  )
}

function images(name: string): string[] {
  return SERVERS.flatMap((server) => {
    const path = `plots/${name}-${server}.svg`
    const isThere = existsSync(new URL(`../${path}`, import.meta.url))
    return isThere ? [`![${name}, ${server}](${path})`] : []
  })
}
