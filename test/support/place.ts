import { DEFAULT_SERVER, type Place } from '../../src/tenants/place.ts'

/** A tenant's place, as the directory makes it. */
export function placeOf(id: string, database: string): Place {
  return Object.freeze({
    server: DEFAULT_SERVER,
    database,
    tenant: Object.freeze({ id, database }),
  })
}
