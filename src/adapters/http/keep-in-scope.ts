import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import { outside } from '../../base/scope.ts'
import { abortInScope } from './abort-in-scope.ts'
import { passSocketOn, waitOutside } from './pipelining.ts'
import type { RequestScope } from './request-scope.ts'

/*
 * Shared by all copies of this module, as ES module and as CommonJS: each would replace what the other
 * has put in, and not know of its scope.
 */
/** In whose scope an emitter's listeners run. */
const SCOPE: unique symbol = Symbol.for('tenant-knex.request-scope') as never
/** What an emitter's own `emit` was before. */
const EMIT: unique symbol = Symbol.for('tenant-knex.emit') as never
/** The response that a stream is the body of. Null if it is the body of several. */
const ANSWERS: unique symbol = Symbol.for('tenant-knex.answers') as never

type Emit = EventEmitter['emit']

type Emitter = EventEmitter & {
  [SCOPE]?: RequestScope
  [EMIT]?: Emit
  [ANSWERS]?: EventEmitter | null
}

/**
 * Lets the listeners of a request and of its response run in the request's scope: what happens to a
 * socket happens in no scope, or in that of whichever request wrote to it. Of each tenantKnex the last
 * call counts.
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

/** Node 26 has a signal for each request that is asked for it, and aborts it when the socket closes. */
const SIGNAL: PropertyDescriptor = {
  configurable: true,
  get(this: Emitter) {
    const signal: AbortSignal = Reflect.get(Object.getPrototypeOf(this), 'signal', this)
    const value = abortInScope(signal, () => scopeOf(this))
    Object.defineProperty(this, 'signal', { value })
    return value
  },
}

/** The scope of a response: the last one of each tenantKnex. */
export function scopeOfResponse(res: EventEmitter): RequestScope | undefined {
  return (res as Emitter)[SCOPE]
}

/**
 * Lets a stream that somebody else reads be filled, and its listeners run, in the scope of the request
 * that it answers. One that answers several is nobody's.
 */
export function fillInScope(stream: Readable, res: EventEmitter): void {
  const scope = scopeOfResponse(res)
  if (!scope) return
  const emitter: Emitter = stream
  if (emitter[ANSWERS] === undefined) emitter[ANSWERS] = res
  const isShared = emitter[ANSWERS] !== res
  if (isShared) emitter[ANSWERS] = null
  if (!setScope(stream, isShared ? scope.nobody() : scope)) return
  replaceEmit(stream, emitInScope)
  const { _read, _destroy } = stream
  stream._read = (size) => scopeOf(stream).call(() => _read.call(stream, size))
  stream._destroy = (error, done) => scopeOf(stream).call(() => _destroy.call(stream, error, done))
}

/** @returns whether it had none before */
function setScope(emitter: Emitter, scope: RequestScope): boolean {
  const isFirst = emitter[SCOPE] === undefined
  emitter[SCOPE] = scope
  return isFirst
}

function scopeOf(emitter: Emitter): RequestScope {
  return emitter[SCOPE] as RequestScope
}

/**
 * By functions that all emitters share. Where each has one of its own, V8 keeps the request and all
 * that hangs on it until the next full garbage collection: that took as long as all else under Hapi.
 * By as few properties as can be: Express sets the prototypes of its requests anew, V8 shares nothing
 * among such objects, and each property that is added to one costs a kilobyte and some microseconds.
 */
function replaceEmit(emitter: Emitter, emit: Emit): void {
  if (Object.hasOwn(emitter, 'emit')) emitter[EMIT] = emitter.emit
  emitter.emit = emit
}

/** Most events of a request have no listeners. */
function emitInScope(this: Emitter, ...args: unknown[]): boolean {
  if (this.listenerCount(args[0] as string) === 0) return emitAsBefore(this, args)
  return scopeOf(this).call(() => emitAsBefore(this, args))
}

/** What follows a response on its connection gets out of the scope. */
function emitResponse(this: Emitter, ...args: unknown[]): boolean {
  const isSafe = args[0] !== 'finish' || passSocketOn(this, scopeOf(this))
  return isSafe ? Reflect.apply(emitInScope, this, args) : outside(() => emitAsBefore(this, args))
}

/** By the prototype's `emit` as it is now: an application of Express may have set another one. */
function emitAsBefore(emitter: Emitter, args: unknown[]): boolean {
  return Reflect.apply(emitter[EMIT] ?? Object.getPrototypeOf(emitter).emit, emitter, args)
}
