import type { Readable } from 'node:stream'
import type Application from 'koa'
import type { Context, Response } from 'koa'
import { fillInScope, scopeOfResponse } from '../http/keep-in-scope.ts'
import { readInScope } from './read-in-scope.ts'

const EXTENDED = new WeakSet<Application>()

/**
 * Lets Koa handle errors and read bodies in the request's scope. Koa does both after all middleware has
 * ended, outside the scope. This changes the application once, by Koa's own prototypes of contexts and
 * responses, because functions for each request would cost more.
 */
export function extendApplication(app: Application): void {
  if (EXTENDED.has(app)) return
  EXTENDED.add(app)
  handleErrorsInScope(app.context as Context)
  fillBodiesInScope(app.response as Response)
}

function handleErrorsInScope(context: Context): void {
  const { onerror } = context
  context.onerror = function (this: Context, error: Error) {
    const handle = (): void => Reflect.apply(onerror, this, [error])
    const scope = scopeOfResponse(this.res)
    if (scope) scope.call(handle)
    else handle()
  }
}

function fillBodiesInScope(response: Response): void {
  const body = findProperty(response, 'body')
  Object.defineProperty(response, 'body', {
    ...body,
    set(this: Response, value: unknown) {
      if (isReadable(value)) fillInScope(value, this.res)
      const scope = scopeOfResponse(this.res)
      const stream = webStreamOf(value)
      if (scope && stream) readInScope(stream, scope)
      body?.set?.call(this, value)
    },
  })
}

function findProperty(object: object | null, name: string): PropertyDescriptor | undefined {
  if (object === null) return undefined
  return (
    Object.getOwnPropertyDescriptor(object, name) ??
    findProperty(Object.getPrototypeOf(object), name)
  )
}

/** Not `instanceof Readable`, because streams of the package `readable-stream` have another class. */
function isReadable(value: unknown): value is Readable {
  const { _read, _destroy } = (value ?? {}) as Partial<Readable>
  return typeof _read === 'function' && typeof _destroy === 'function'
}

/** The web stream of a body: the body itself, or that of a `Response`. Koa 3 reads both, Koa 2 neither. */
function webStreamOf(value: unknown): ReadableStream | null {
  const body = value instanceof Response ? value.body : value
  return body instanceof ReadableStream ? body : null
}
