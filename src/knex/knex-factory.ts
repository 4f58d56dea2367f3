import type { Scope } from '../base/scope.ts'
import type { KnexPassThrough } from '../options/pass-through.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { createAmbient } from './ambient-knex.ts'
import { type Binding, type BindingParts, bindingOf } from './binding.ts'
import type { AmbientKnex, BoundKnex } from './bound-knex.ts'
import { withListedMethods } from './listed-methods.ts'
import { ScopedKnex } from './scoped-knex.ts'
import {
  type Context,
  type ContextClass,
  createContextClass,
  createKeptPrototype,
  createPrototype,
  createRoot,
  type KnexInternals,
  knexFunction,
} from './shared-knex.ts'
import { bindClient } from './tenant-client.ts'

const EVENTS = ['start', 'query', 'query-error', 'query-response'] as const

/**
 * Makes bound Knexes. Each is a function whose prototype is one shared Knex, which is never handed out. A
 * separate Knex for each tenant would cost a hundred times as much.
 */
export class KnexFactory {
  /** The Knex of the tenant in scope. It hears the events of all tenants. */
  readonly ambient: AmbientKnex
  /** The Knex, or the transaction, that is in scope. */
  readonly inScope: ScopedKnex

  readonly #root: KnexInternals
  readonly #parts: BindingParts
  readonly #prototype: object
  readonly #keptPrototype: object
  readonly #Context: ContextClass

  constructor(config: KnexPassThrough, scope: Scope<BoundKnex>, parts: BindingParts) {
    this.#root = createRoot(config)
    this.#parts = parts
    this.#prototype = createPrototype(this.#root)
    this.#keptPrototype = createKeptPrototype(this.#prototype)
    this.#Context = createContextClass(this.#root.context, (context, params) =>
      this.#withUserParams(context, params),
    )
    this.inScope = new ScopedKnex(scope)
    this.ambient = createAmbient({
      root: this.#root,
      prototype: this.#prototype,
      inScope: this.inScope,
      parts,
    })
  }

  /** Makes a Knex for one tenant. It is kept while it has listeners. Nothing is sent. */
  bind(tenant: Tenant): BoundKnex {
    const { tenantInScope } = this.inScope
    const binding = { tenant, ...this.#parts, checkScope: undefined, tenantInScope }
    // A copy, because Knex and user code change it.
    return this.#bind(binding, { ...this.#root.context.userParams }, this.#keptPrototype)
  }

  #bind(binding: Binding, userParams: object, prototype: object): BoundKnex {
    const client = bindClient(this.#root.context.client, binding, binding.tenant)
    const context = new this.#Context(client, userParams)
    const bound = withListedMethods(knexFunction(context, prototype), this.#root) as BoundKnex
    client.listenersOf = { own: bound, all: this.ambient }
    return bound
  }

  /** A copy with the same listeners and a configuration of its own, as in Knex. */
  #withUserParams({ client }: Context, params: object): BoundKnex {
    const copy = this.#bind(bindingOf(client), params, this.#prototype)
    for (const event of EVENTS) {
      for (const listener of client.listenersOf?.own.listeners(event) ?? []) {
        copy.on(event, listener as () => void)
      }
    }
    return copy
  }
}
