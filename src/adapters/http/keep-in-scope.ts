import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import type { RequestScope } from './request-scope.ts'

/** In whose scope an emitter's listeners run. */
const SCOPE: unique symbol = Symbol('tenant-knex.request-scope')

/** What an emitter's `emit` was before. */
const EMIT: unique symbol = Symbol('tenant-knex.emit')

/** What emits an event. */
export type Emit = EventEmitter['emit']

type Emitter = EventEmitter & { [SCOPE]?: RequestScope; [EMIT]?: Emit }

/**
 * Lets the listeners of a request and of its response run in the request's scope: what happens to a
 * socket happens in no scope, or in that of whichever request wrote to it. The last call counts.
 */
export function keepInScope(req: EventEmitter, res: EventEmitter, scope: RequestScope): void {
  if (setScope(req, scope)) replaceEmit(req, emitInScope)
  if (setScope(res, scope)) replaceEmit(res, emitResponse)
}

/** The scope that was given to a response last. */
export function scopeOfResponse(res: EventEmitter): RequestScope | undefined {
  return (res as Emitter)[SCOPE]
}

/**
 * Lets a stream that somebody else reads be filled, and its listeners run, in the scope of the request
 * that it answers. One that answers several is nobody's.
 */
export function fillInScope(stream: Readable, scope: RequestScope): void {
  const before = (stream as Emitter)[SCOPE]
  const isShared = before !== undefined && before !== scope
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
 */
function replaceEmit(emitter: Emitter, emit: Emit): void {
  emitter[EMIT] = emitter.emit
  emitter.emit = emit
}

function emitInScope(this: Emitter, ...args: unknown[]): boolean {
  return emitIn(scopeOf(this), this, this[EMIT] as Emit, args)
}

function emitResponse(this: Emitter, ...args: unknown[]): boolean {
  return emitInResponse(scopeOf(this), this, this[EMIT] as Emit, args)
}

/** Emits an event, by what `emit` was, in a scope. Most events of a request have no listeners. */
export function emitIn(
  scope: RequestScope,
  emitter: EventEmitter,
  emit: Emit,
  args: unknown[],
): boolean {
  if (emitter.listenerCount(args[0] as string) === 0) return Reflect.apply(emit, emitter, args)
  return scope.call(() => Reflect.apply(emit, emitter, args))
}

/** The same for a response. What follows it on its connection gets out of the scope. */
export function emitInResponse(
  scope: RequestScope,
  res: EventEmitter,
  emit: Emit,
  args: unknown[],
): boolean {
  if (args[0] === 'finish') passSocketOn(res, scope)
  return emitIn(scope, res, emit, args)
}

/**
 * Node's own listener goes first. It gives the socket to the response that waits for it, where requests
 * came without waiting for each other; what happens to that one then is not for this one's scope.
 */
function passSocketOn(res: EventEmitter, scope: RequestScope): void {
  const [own] = res.rawListeners('finish')
  if (own?.name !== 'bound resOnFinish') return
  res.removeListener('finish', own as () => void)
  scope.leave(() => own())
}
