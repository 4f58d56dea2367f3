import type { Request, Server } from '@hapi/hapi'
import { outside, type Scope, type Slot } from '../../base/scope.ts'
import type { TenantKnex } from '../../tenant-knex.ts'
import { keepInScope } from '../http/keep-in-scope.ts'
import { RequestScope } from '../http/request-scope.ts'
import { keyOf } from '../http/scope-keys.ts'

type BoundKnex = ReturnType<TenantKnex>

/** What a request has of us. */
interface Entered {
  readonly slot: Slot<BoundKnex>
  readonly scope: RequestScope
}

/** The scopes of a server's requests: entered, empty, when a request begins, and filled later. */
export class RequestScopes {
  readonly #scope: Scope<BoundKnex>
  readonly #key: symbol
  /** The last request of each connection. */
  readonly #latest = new WeakMap<object, Request>()

  constructor(server: Server, scope: Scope<BoundKnex>) {
    this.#scope = scope
    this.#key = keyOf(scope)
    // While Hapi makes the request, before all extensions: what an `onRequest` extension enters would
    // be lost where another one comes before it, as Hapi goes on from where it began to wait for them.
    server.decorate('request', this.#key, (request) => this.#enter(request), { apply: true })
    this.#contain(server.listener)
  }

  /** From now on, what belongs to a request has this tenant in scope. */
  fill(request: Request, knex: BoundKnex): void {
    this.#entered(request).slot.value = knex
  }

  #enter(request: Request): Entered {
    const { req, res } = request.raw
    const slot = this.#scope.enter()
    const scope = new RequestScope(this.#scope, slot)
    keepInScope(req, res, scope)
    this.#latest.set(req.socket, request)
    return { slot, scope }
  }

  /**
   * No event of the listener begins in a scope, or leaves one behind: with the HTTP parser of the
   * connection it would reach what is done first for the next request. The one event that Hapi answers
   * in the name of a request is what its client sends wrong while it runs.
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
