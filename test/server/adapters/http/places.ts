import type { Application } from './application.ts'

/** The tenants in scope at each place where the framework called the application. */
export class Places {
  readonly seen: [place: string, tenant: string | undefined][] = []
  readonly #app: Application

  constructor(app: Application) {
    this.#app = app
  }

  note(place: string): void {
    this.seen.push([place, this.#app.inScope()])
  }

  has(place: string): boolean {
    return this.seen.some(([seen]) => seen === place)
  }

  /** The places where the tenant was in scope each time, or no tenant was. */
  of(tenant: string | undefined): string[] {
    const places = new Set(this.seen.map(([place]) => place))
    for (const [place, seen] of this.seen) if (seen !== tenant) places.delete(place)
    return [...places]
  }
}
