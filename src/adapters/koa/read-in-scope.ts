import type { RequestScope } from '../http/request-scope.ts'

type Method = (...args: unknown[]) => object

/**
 * Lets a stream of the web be read in a scope. Such a stream asks its source for more while it is read,
 * and the source runs in the scope of its reader. Koa reads it when all middleware has ended, and
 * middleware before the adapter may read it, too.
 */
export function readInScope(stream: ReadableStream, scope: RequestScope): void {
  callInScope(stream, ['cancel'], scope)
  callInScope(stream, ['getReader', 'values', Symbol.asyncIterator], scope, (reader) =>
    callInScope(reader, ['read', 'cancel', 'next', 'return'], scope),
  )
  for (const name of ['pipeTo', 'pipeThrough', 'tee'] as const) readByIterator(stream, name)
}

/** These read by ways of their own. On Node 24 that is in the scope of whoever reads what they give. */
function readByIterator(stream: ReadableStream, name: 'pipeTo' | 'pipeThrough' | 'tee'): void {
  const value = (...args: unknown[]): unknown => {
    const read = ReadableStream.from(stream)
    return Reflect.apply(read[name], read, args)
  }
  Object.defineProperty(stream, name, { value, configurable: true, writable: true })
}

/** Replaces those methods that an object has, for this object alone. */
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
