import type { City } from './cities.ts'
import type { Demo } from './demo.ts'
import type { Tally } from './traffic.ts'

/**
 * The tenants whose totals are wrong. Each write counts in its tenant's `visits`. A move inside a tenant
 * leaves its number of people unchanged.
 */
export async function findWrongTotals(demo: Demo, tally: Tally): Promise<string[]> {
  const { countries, tenantKnex } = demo
  const wrong: string[] = []
  for (const [country, cities] of countries) {
    const db = tenantKnex(country)
    const totals = await db<City>('cities').sum({ people: 'population', visits: 'visits' }).first()
    const people = cities.reduce((sum, { population }) => sum + population, 0)
    const visits = tally.writes.get(country) ?? 0
    const isRight = Number(totals?.people) === people && Number(totals?.visits) === visits
    if (!isRight) wrong.push(country)
  }
  return wrong
}
