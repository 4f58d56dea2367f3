import { seededRandom } from '../src/testing/random.ts'
import type { Countries } from './cities.ts'

/** The kinds of requests. */
export type Kind = 'read' | 'list' | 'write' | 'transaction' | 'stream'

/** One request to one tenant. */
export interface Request {
  readonly country: string
  readonly kind: Kind
  /** Two of the tenant's cities, in the order of locking. */
  readonly id: number
  readonly otherId: number
}

/** The share of each kind in a hundred requests, as upper limits. */
const MIX: readonly (readonly [Kind, number])[] = [
  ['read', 70],
  ['list', 80],
  ['write', 90],
  ['transaction', 97],
  ['stream', 100],
]

/** Requests for random tenants. The same seed gives the same requests. */
export function* requests(countries: Countries, count: number, seed: number): Generator<Request> {
  const next = seededRandom(seed)
  const random = (limit: number): number => Math.floor(next() * limit)
  const tenants = [...countries]
  for (let made = 0; made < count; made++) {
    const [country, cities] = tenants[random(tenants.length)] as (typeof tenants)[number]
    const ids = [1 + random(cities.length), 1 + random(cities.length)] as const
    const roll = random(100)
    const [kind] = MIX.find(([, upTo]) => roll < upTo) as (typeof MIX)[number]
    yield { country, kind, id: Math.min(...ids), otherId: Math.max(...ids) }
  }
}
