/** Values by name, each for as long as something else holds it. */
export class WeakValues<V extends object> {
  readonly #references = new Map<string, WeakRef<V>>()
  readonly #collected = new FinalizationRegistry<string>((name) => {
    // There may be a new value of this name by now.
    if (this.get(name) === undefined) this.#references.delete(name)
  })

  /** How many there are. Values that were collected a moment ago may still count. */
  get size(): number {
    return this.#references.size
  }

  get(name: string): V | undefined {
    return this.#references.get(name)?.deref()
  }

  set(name: string, value: V): void {
    this.#references.set(name, new WeakRef(value))
    this.#collected.register(value, name)
  }
}
