import type { Express, Request, Response } from 'express'
import type { TenantKnex } from '../../tenant-knex.ts'
import { type Emit, emitIn, emitInResponse, keepInScope } from '../http/keep-in-scope.ts'
import type { RequestScope } from '../http/request-scope.ts'

/** A request's scope, and what is in it. */
interface Held {
  readonly scope: RequestScope
  readonly knex: ReturnType<TenantKnex> | undefined
}

/** Of requests too: Express gives them their response. */
const HELD = new WeakMap<Response, Held>()
const EXTENDED = new WeakSet<Express>()

/**
 * Gives a request its tenant and Knex, and lets its listeners and those of its response run in its scope.
 *
 * By the prototypes that an application of Express has for its requests and responses: Express sets them
 * anew for each request, and V8 shares nothing among objects whose prototype was set. Each property that
 * is added to them costs a kilobyte and some microseconds, and all of them a third of a request.
 */
export function holdTenant(req: Request, res: Response, held: Held): void {
  const app = outermost(req.app as Express | undefined)
  if (app && isOf(req, app.request) && isOf(res, app.response)) {
    extend(app)
    HELD.set(res, held)
    return
  }
  // Another router of the kind.
  keepInScope(req, res, held.scope)
  req.tenant = held.knex?.tenant
  req.knex = held.knex
}

/** Mounted applications inherit from the one they are mounted in. */
function outermost(app: Express | undefined): Express | undefined {
  const { parent } = (app ?? {}) as { parent?: Express }
  return parent ? outermost(parent) : app
}

function isOf(object: object, prototype: object | undefined): boolean {
  return prototype !== undefined && Object.prototype.isPrototypeOf.call(prototype, object)
}

function extend(app: Express): void {
  if (EXTENDED.has(app)) return
  EXTENDED.add(app)
  const { request, response } = app
  const { emit } = request
  request.emit = function (this: Request, ...args: unknown[]) {
    const held = heldOf(this)
    return held ? emitIn(held.scope, this, emit, args) : Reflect.apply(emit, this, args)
  } as Emit
  const { emit: emitOfResponse } = response
  response.emit = function (this: Response, ...args: unknown[]) {
    const held = HELD.get(this)
    return held
      ? emitInResponse(held.scope, this, emitOfResponse, args)
      : Reflect.apply(emitOfResponse, this, args)
  } as Emit
  addProperty(request, 'tenant', (held) => held.knex?.tenant)
  addProperty(request, 'knex', (held) => held.knex)
}

function heldOf({ res }: Request): Held | undefined {
  return res && HELD.get(res)
}

/** One that may be set, as any property of a request. */
function addProperty(
  request: Request,
  name: 'tenant' | 'knex',
  value: (held: Held) => Request['tenant'] | Request['knex'],
): void {
  Object.defineProperty(request, name, {
    configurable: true,
    enumerable: true,
    get(this: Request) {
      const held = heldOf(this)
      return held && value(held)
    },
    set(this: Request, value: unknown) {
      const own = { value, configurable: true, enumerable: true, writable: true }
      Object.defineProperty(this, name, own)
    },
  })
}
