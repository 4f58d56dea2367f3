import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import { outside } from '../../base/scope.ts'
import { abortInScope } from './abort-in-scope.ts'
import { passSocketOn, waitOutside } from './pipelining.ts'
import type { RequestScope } from './request-scope.ts'

/*
 * The copies of this module, as ES module and as CommonJS, share these symbols. Otherwise each copy
 * would replace the `emit` of the other, and would not know its scope.
 */
/** The scope in which an emitter's listeners run. */
const SCOPE: unique symbol = Symbol.for('tenant-knex.request-scope') as never
/** The `emit` that an emitter had as its own property before. */
const EMIT: unique symbol = Symbol.for('tenant-knex.emit') as never
/** The response that has a stream as its body. Null if several responses have it. */
const ANSWERS: unique symbol = Symbol.for('tenant-knex.answers') as never

type Emit = EventEmitter['emit']

type Emitter = EventEmitter & {
  [SCOPE]?: RequestScope
  [EMIT]?: Emit
  [ANSWERS]?: EventEmitter | null
}

/**
 * Runs the listeners of a request and of its response in the request's scope. An event of a socket comes
 * in no scope, or in the scope of another request that wrote to the socket. If this is called several
 * times for one tenantKnex, the last call counts.
 */
export function keepInScope(req: EventEmitter, res: EventEmitter, scope: RequestScope): void {
  const all = scope.within(scopeOfResponse(res))
  if (setScope(req, all)) {
    replaceEmit(req, emitInScope)
    if ('signal' in req) Object.defineProperty(req, 'signal', SIGNAL)
  }
  if (setScope(res, all)) replaceEmit(res, emitResponse)
  waitOutside(res)
}

/** A request of Node 26 has a signal. Node creates it when it is read, and aborts it when the socket closes. */
const SIGNAL: PropertyDescriptor = {
  configurable: true,
  get(this: Emitter) {
    const signal: AbortSignal = Reflect.get(Object.getPrototypeOf(this), 'signal', this)
    const value = abortInScope(signal, () => scopeOf(this))
    Object.defineProperty(this, 'signal', { value })
    return value
  },
}

/** The scope of a response. It has the last scope of each tenantKnex. */
export function scopeOfResponse(res: EventEmitter): RequestScope | undefined {
  return (res as Emitter)[SCOPE]
}

/**
 * Fills a stream, and runs its listeners, in the scope of the request that it answers. The framework
 * reads the stream outside that scope. A stream that answers several requests has no tenant in scope.
 */
export function fillInScope(stream: Readable, res: EventEmitter): void {
  const scope = scopeOfResponse(res)
  if (!scope) return
  const emitter: Emitter = stream
  if (emitter[ANSWERS] === undefined) emitter[ANSWERS] = res
  const isShared = emitter[ANSWERS] !== res
  if (isShared) emitter[ANSWERS] = null
  if (!setScope(stream, isShared ? scope.withoutTenant() : scope)) return
  replaceEmit(stream, emitInScope)
  const { _read, _destroy } = stream
  stream._read = (size) => scopeOf(stream).call(() => _read.call(stream, size))
  stream._destroy = (error, done) => scopeOf(stream).call(() => _destroy.call(stream, error, done))
}

/** @returns true if the emitter had no scope before */
function setScope(emitter: Emitter, scope: RequestScope): boolean {
  const isFirst = emitter[SCOPE] === undefined
  emitter[SCOPE] = scope
  return isFirst
}

function scopeOf(emitter: Emitter): RequestScope {
  return emitter[SCOPE] as RequestScope
}

/**
 * All emitters share one function. If each had a function of its own, V8 would keep the request and all
 * its objects until the next full garbage collection. Under Hapi that took as long as all other work.
 *
 * This sets as few properties as possible. Express replaces the prototypes of its requests, and V8 shares
 * no hidden classes among such objects. There each new property costs a kilobyte and some microseconds.
 */
function replaceEmit(emitter: Emitter, emit: Emit): void {
  if (Object.hasOwn(emitter, 'emit')) emitter[EMIT] = emitter.emit
  emitter.emit = emit
}

/** Enters the scope only if there are listeners. Most events of a request have none. */
function emitInScope(this: Emitter, ...args: unknown[]): boolean {
  if (this.listenerCount(args[0] as string) === 0) return emitAsBefore(this, args)
  return scopeOf(this).call(() => emitAsBefore(this, args))
}

/** Like `emitInScope`, but keeps the next response on the connection out of the scope. */
function emitResponse(this: Emitter, ...args: unknown[]): boolean {
  const isSafe = args[0] !== 'finish' || passSocketOn(this, scopeOf(this))
  return isSafe ? Reflect.apply(emitInScope, this, args) : outside(() => emitAsBefore(this, args))
}

/** Uses the present `emit` of the prototype, because an Express application may have replaced it. */
function emitAsBefore(emitter: Emitter, args: unknown[]): boolean {
  return Reflect.apply(emitter[EMIT] ?? Object.getPrototypeOf(emitter).emit, emitter, args)
}
