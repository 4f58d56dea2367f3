/** Values by name. Each stays until no other code holds it. */
export class WeakValues<V extends object> {
  readonly #references = new Map<string, WeakRef<V>>()
  readonly #collected = new FinalizationRegistry<string>((name) => {
    // A new value may have this name by now.
    if (this.get(name) === undefined) this.#references.delete(name)
  })

  /** How many values there are. It may include values that were collected a moment ago. */
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
