/** Marks the instances of a class for every copy of this package. */
export function brand(errorClass: { prototype: Error }, own: symbol, base?: symbol): void {
  Object.defineProperties(errorClass.prototype, {
    [own]: { value: true },
    ...(base && { [base]: { value: true } }),
  })
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // User code's own subclasses inherit this, and mean the ordinary test.
      return this === errorClass
        ? value instanceof Error && own in value
        : Function.prototype[Symbol.hasInstance].call(this, value)
    },
  })
}
