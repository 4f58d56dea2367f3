/** Marks the instances of a class, so that every copy of this package recognises them. */
export function brand(errorClass: { prototype: Error }, own: symbol, base?: symbol): void {
  Object.defineProperties(errorClass.prototype, {
    [own]: { value: true },
    ...(base && { [base]: { value: true } }),
  })
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // Subclasses in user code inherit this method. For them the ordinary test applies.
      return this === errorClass
        ? value instanceof Error && own in value
        : Function.prototype[Symbol.hasInstance].call(this, value)
    },
  })
}
