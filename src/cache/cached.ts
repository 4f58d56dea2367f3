type NoText = bigint | symbol | ((...args: never[]) => unknown)

/**
 * What comes back from a cache for a value of type `T`, from every store, with the default serializer: it
 * is what JSON makes of it, except that a Buffer stays a Buffer.
 *
 * - A Date, and all else that has a `toJSON`, becomes what that gives: a Date becomes its text.
 * - A Map or a Set becomes an empty object, an instance of a class its plain properties.
 * - Properties that are functions or symbols are left out; in an array they, and `undefined`, become null.
 * - A bigint cannot be cached (`ERR_CACHE_VALUE_INVALID`), so its type is never.
 *
 * @example
 * const user = await acme.cache.remember('user', {}, () => acme('users').first())
 * // { id: number, since: Date } has become { id: number, since: string }
 */
export type Cached<T> = unknown extends T
  ? T
  : T extends NoText
    ? never
    : T extends Buffer
      ? Buffer
      : T extends { toJSON(...args: never[]): infer Made }
        ? Cached<Made>
        : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
          ? Record<never, never>
          : T extends readonly unknown[]
            ? { [Index in keyof T]: InArray<T[Index]> }
            : T extends object
              ? {
                  [Key in keyof T as IsKept<Key, T[Key]> extends true ? Key : never]: Cached<T[Key]>
                }
              : T

type InArray<T> = unknown extends T
  ? T
  : T extends undefined | Exclude<NoText, bigint>
    ? null
    : Cached<T>

type IsKept<Key, Value> = Key extends symbol
  ? false
  : [Exclude<Value, undefined>] extends [never]
    ? false
    : [Exclude<Value, undefined>] extends [Exclude<NoText, bigint>]
      ? false
      : true
