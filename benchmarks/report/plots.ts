import type { CellResult } from '../support/comparison.ts'
import { figure } from '../support/format.ts'
import type { ServerResult } from '../support/on-each-server.ts'
import type { Summary } from '../support/summary.ts'
import { type Chart, drawBars, drawLines, type Series } from './chart.ts'
import type { CostsResult } from './costs.ts'
import type { PiecesResult } from './pieces.ts'
import type { ResourcesResult } from './resources.ts'
import { oursOf, plainOf } from './roles.ts'

type Drawn = ServerResult & CostsResult

/** Returns a benchmark's results on the drawn server; undefined if there are none. */
export type ResultOf = (name: string) => unknown

/** The plots of `overhead.ts`, by file name. */
const OF_OVERHEAD: Readonly<Record<string, (result: Drawn) => string>> = {
  throughput: drawThroughput,
  p99: drawLatency,
  switches: drawSwitches,
}

/** Kinds of requests, and the parameters that identify them among the cells. */
const SHORT = { name: '1 statement per request, pool of 10', queries: 1, poolMax: 10 }
const LONG = { name: '5 statements per request, pool of 50', queries: 5, poolMax: 50 }
const CLIENTS = 16

/** The plots of one server's results, by name, as SVG. */
export function drawPlots(resultOf: ResultOf): [name: string, svg: string][] {
  const plots: [string, string][] = []
  const overhead = resultOf('overhead') as Drawn | undefined
  if (overhead) {
    for (const [name, plot] of Object.entries(OF_OVERHEAD)) plots.push([name, plot(overhead)])
    const resources = resultOf('resources') as ResourcesResult | undefined
    plots.push(['connections', drawConnections(overhead, resources)])
  }
  const pieces = resultOf('pieces') as (ServerResult & PiecesResult) | undefined
  if (pieces) plots.push(['pieces', drawPieces(pieces)])
  return plots
}

function drawThroughput(result: Drawn): string {
  return drawBars({
    ...byTenants(result, 'Statements per second, of plain Knex with one database'),
    valueTitle: 'of plain Knex',
    baseline: 1,
    series: [SHORT, LONG].map((kind) => ({
      name: kind.name,
      values: along(result, kind, 'zipf', ([, ours]) => ours.ratios.throughput),
    })),
  })
}

function drawLatency(result: Drawn): string {
  const series = [SHORT, LONG].flatMap((kind): Series[] => [
    {
      name: `tenant-knex, ${kind.name}`,
      values: along(result, kind, 'zipf', ([, ours]) => ours.latency.p99),
    },
    {
      name: `plain Knex, ${kind.name}`,
      values: along(result, kind, 'zipf', ([plain]) => plain.latency.p99),
      isDashed: true,
    },
  ])
  const title = 'How long the slowest of a hundred statements takes'
  return drawLines({ ...byTenants(result, title), valueTitle: 'p99, ms', series })
}

function drawSwitches(result: Drawn): string {
  const switches = ([, ours]: Pair): number | undefined => ours.switchesPerOperation
  const series = [SHORT, LONG].flatMap((kind): Series[] => [
    { name: `Zipf, ${kind.name}`, values: along(result, kind, 'zipf', switches) },
    {
      name: `uniform, ${kind.name}`,
      values: along(result, kind, 'uniform', switches),
      isDashed: true,
    },
  ])
  const title = 'How often a connection passes to another tenant'
  return drawLines({ ...byTenants(result, title), valueTitle: 'switches per statement', series })
}

function drawConnections(result: Drawn, resources: ResourcesResult | undefined): string {
  const series = [SHORT, LONG].map(
    (kind): Series => ({
      name: `tenant-knex, ${kind.name}`,
      values: along(result, kind, 'zipf', ([, ours]) => ours.connections),
    }),
  )
  if (resources) series.push(ofKnexPerTenant(result, resources))
  const title = 'Connections of one process'
  const chart = { ...byTenants(result, title), valueTitle: 'connections', series }
  return drawLines({ ...chart, isLogarithmic: true })
}

/** The connections of a Knex for each tenant, of the 1,000 that the server allows in total. */
function ofKnexPerTenant(result: Drawn, { cell, contenders }: ResourcesResult): Series {
  const found = contenders.find(({ key }) => key === 'knex-per-tenant')
  const count = found?.summary.connections
  const values = tenantCounts(result).map((tenants) =>
    tenants === cell.tenants ? count : undefined,
  )
  return { name: 'a Knex for each tenant: all that the server allows', values }
}

function drawPieces(result: ServerResult & PiecesResult): string {
  const [first] = result.cells
  const names = first?.contenders.slice(1).map(({ name }) => name) ?? []
  return drawBars({
    title: 'Statements per second with one thing otherwise, of plain Knex',
    subtitle: `${result.server.name}; 1,000 tenants`,
    categoryTitle: '',
    valueTitle: 'of plain Knex',
    baseline: 1,
    categories: result.cells.map(({ cell, delayMillis }) => {
      const delay = delayMillis > 0 ? `\n${delayMillis} ms away` : ''
      const kind = cell.popularity === 'visits' ? '\nvisits' : ''
      return `${cell.queriesPerRequest} per request, pool of ${cell.poolMax}${kind}${delay}`
    }),
    series: names.map((name, index) => ({
      name,
      values: result.cells.map(
        ({ contenders }) => (contenders[index + 1] as Summary).ratios.throughput,
      ),
    })),
  })
}

type Pair = readonly [plain: Summary, ours: Summary]
type Kind = typeof SHORT

function byTenants(
  result: Drawn,
  title: string,
): Pick<Chart, 'title' | 'subtitle' | 'categoryTitle' | 'categories'> {
  return {
    title,
    subtitle: `${result.server.name}; ${CLIENTS} clients`,
    categoryTitle: 'tenants',
    categories: tenantCounts(result).map((count) => figure(count, 5)),
  }
}

function tenantCounts({ cells }: CostsResult): number[] {
  return [...new Set(cells.map(({ cell }) => cell.tenants))].sort((a, b) => a - b)
}

/** A value for each number of tenants that was measured. With one tenant, all choices are the same. */
function along<T>(
  result: CostsResult,
  kind: Kind,
  popularity: string,
  figureOf: (pair: Pair) => T,
): (T | undefined)[] {
  return tenantCounts(result).map((tenants) => {
    const found = result.cells.find(({ cell }) => {
      const isAlike = tenants === 1 || cell.popularity === popularity
      return cell.tenants === tenants && isAlike && isOf(cell, kind)
    })
    if (!found) return undefined
    const [ours] = oursOf(found.contenders) as [Summary]
    return figureOf([plainOf(found.contenders), ours])
  })
}

function isOf(cell: CellResult['cell'], { queries, poolMax }: Kind): boolean {
  const { queriesPerRequest, concurrency } = cell
  return queriesPerRequest === queries && cell.poolMax === poolMax && concurrency === CLIENTS
}
