import type { Request, Server } from '@hapi/hapi'
import { outside, type PendingValue, type Scope } from '../../base/scope.ts'
import type { BoundKnex } from '../../tenant-knex.ts'
import { keepInScope } from '../http/keep-in-scope.ts'
import { RequestScope } from '../http/request-scope.ts'
import { keyOf } from '../http/scope-keys.ts'

/** The scope that this adapter has entered for a request. */
interface Entered {
  readonly pending: PendingValue<BoundKnex>
  readonly scope: RequestScope
}

/** The scopes of a server's requests. A scope is entered, empty, when a request begins. It is filled later. */
export class RequestScopes {
  readonly #scope: Scope<BoundKnex>
  readonly #key: symbol
  /** The last request of each connection. */
  readonly #latest = new WeakMap<object, Request>()

  constructor(server: Server, scope: Scope<BoundKnex>) {
    this.#scope = scope
    this.#key = keyOf(scope)
    // A decoration runs while Hapi creates the request, before all extensions. A scope that an `onRequest`
    // extension enters would be lost if another extension comes before it, because Hapi goes on in the
    // scope in which it began to wait.
    server.decorate('request', this.#key, (request) => this.#enter(request), { apply: true })
    this.#contain(server.listener)
  }

  /** Puts a tenant in scope for all that belongs to a request, from now on. */
  fill(request: Request, knex: BoundKnex): void {
    this.#entered(request).pending.value = knex
  }

  #enter(request: Request): Entered {
    const { req, res } = request.raw
    const pending = this.#scope.enter()
    const scope = new RequestScope(this.#scope, pending)
    keepInScope(req, res, scope)
    this.#latest.set(req.socket, request)
    return { pending, scope }
  }

  /**
   * Calls the events of the listener outside all scopes. A scope that an event leaves behind would stay
   * with the HTTP parser of the connection, and the next request would begin in it. There is one
   * exception: if a client sends invalid data while its request runs, Hapi answers for that request.
   */
  #contain(listener: Server['listener']): void {
    const { emit } = listener
    listener.emit = (...args: unknown[]) => {
      const [event, , socket] = args
      const request = event === 'clientError' ? this.#latest.get(socket as object) : undefined
      const fn = (): boolean => Reflect.apply(emit, listener, args)
      return request?.active() ? this.#entered(request).scope.call(fn) : outside(fn)
    }
  }

  #entered(request: Request): Entered {
    return (request as unknown as Record<symbol, Entered>)[this.#key] as Entered
  }
}
