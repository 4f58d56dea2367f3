import type { Readable } from 'node:stream'
import type Application from 'koa'
import type { Context, Response } from 'koa'
import { fillInScope, scopeOfResponse } from '../http/keep-in-scope.ts'
import { readInScope } from './read-in-scope.ts'

const EXTENDED = new WeakSet<Application>()

/**
 * Koa handles errors, and reads bodies, when all middleware has ended, and with it its scope. So it does
 * both by way of this, in the scope of the request. Once for an application, by the prototypes of
 * contexts and responses that Koa has for that: functions for each request would cost more.
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

/** Those of `readable-stream` are none of Node's class. */
function isReadable(value: unknown): value is Readable {
  const { _read, _destroy } = (value ?? {}) as Partial<Readable>
  return typeof _read === 'function' && typeof _destroy === 'function'
}

/** Koa 3 reads these, and those of a `Response`. Koa 2 knows neither. */
function webStreamOf(value: unknown): ReadableStream | null {
  const body = value instanceof Response ? value.body : value
  return body instanceof ReadableStream ? body : null
}
