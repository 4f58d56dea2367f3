type NoText = bigint | symbol | ((...args: never[]) => unknown)

/**
 * The type of a cached value that was set as `T`, with the default serializer. All stores return the same
 * type. The serializer is JSON, but a Buffer stays a Buffer.
 *
 * - An object with a `toJSON` method becomes the result of that method. So a Date becomes its text.
 * - A Map or a Set becomes an empty object.
 * - An instance of a class becomes an object with its plain properties.
 * - Properties that are functions or symbols are left out. In an array, a function, a symbol and
 *   `undefined` become null.
 * - A bigint cannot be cached (`ERR_CACHE_VALUE_INVALID`), so its type is `never`.
 *
 * @example
 * const user = await acme.cache.remember('user', {}, () => acme('users').first())
 * // the type { id: number, since: Date } has become { id: number, since: string }
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
