import { each } from './concurrency.ts'
import type { Demo } from './demo.ts'
import { type Access, OPERATIONS } from './operations.ts'
import { withProgress } from './progress.ts'
import { type Kind, type Request, requests } from './requests.ts'

/** How many requests are served at the same time. */
export const WORKERS = 64

const REQUESTS = 10_000
const SEED = 1

/** Counts the work, and the errors in it. */
export class Tally {
  readonly requests: Record<Kind, number> = {
    read: 0,
    list: 0,
    write: 0,
    transaction: 0,
    stream: 0,
  }
  readonly writes = new Map<string, number>()
  rows = 0
  wrongRows = 0

  /** Serves a request, and checks every row. */
  async serve(access: Access, request: Request): Promise<void> {
    const { kind, country } = request
    await OPERATIONS[kind](access, request, (city) => {
      this.rows++
      if (city?.country !== country) this.wrongRows++
    })
    this.requests[kind]++
    if (kind === 'write') this.writes.set(country, (this.writes.get(country) ?? 0) + 1)
  }
}

/** Serves requests for random tenants, many at the same time, all through one pool. */
export async function serveRequests(demo: Demo, tally: Tally): Promise<void> {
  const { countries, tenantKnex, interrupted } = demo
  await withProgress('Serving requests', REQUESTS, (advance) =>
    each(requests(countries, REQUESTS, SEED), WORKERS, interrupted, async (request) => {
      await tally.serve({ db: tenantKnex(request.country), mine: {} }, request)
      advance()
    }),
  )
}
