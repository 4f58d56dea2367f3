import type { RequestScope } from '../http/request-scope.ts'

type Method = (...args: unknown[]) => object

/**
 * Lets a web stream be read in a scope. The stream asks its source for more data while it is read, and
 * the source runs in the scope of the reader. Koa reads the stream after all middleware has ended.
 * Middleware before the adapter may read it, too.
 */
export function readInScope(stream: ReadableStream, scope: RequestScope): void {
  callInScope(stream, ['cancel'], scope)
  callInScope(stream, ['getReader', 'values', Symbol.asyncIterator], scope, (reader) =>
    callInScope(reader, ['read', 'cancel', 'next', 'return'], scope),
  )
  for (const name of ['pipeTo', 'pipeThrough', 'tee'] as const) readByIterator(stream, name)
}

/**
 * Lets a method read by the stream's iterator. These methods do not use the methods above. On Node 24
 * they read in the scope of the code that reads their result.
 */
function readByIterator(stream: ReadableStream, name: 'pipeTo' | 'pipeThrough' | 'tee'): void {
  const value = (...args: unknown[]): unknown => {
    const read = ReadableStream.from(stream)
    return Reflect.apply(read[name], read, args)
  }
  Object.defineProperty(stream, name, { value, configurable: true, writable: true })
}

/** Replaces methods of one object. Names that the object does not have are skipped. */
function callInScope(
  object: object,
  names: readonly PropertyKey[],
  scope: RequestScope,
  prepare: (result: object) => void = () => undefined,
): void {
  for (const name of names) {
    const method = (object as Record<PropertyKey, Method | undefined>)[name]
    if (!method) continue
    const value = (...args: unknown[]): object => {
      const result = scope.call(() => Reflect.apply(method, object, args))
      prepare(result)
      return result
    }
    Object.defineProperty(object, name, { value, configurable: true, writable: true })
  }
}
