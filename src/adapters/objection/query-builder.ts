import type { InsertGraphOptions } from 'objection'
import type { Builder, BuilderClass, ModelClass, Operation } from './internals.ts'
import { graphOf, type ModelHomes } from './model-homes.ts'
import { BOUND, type Tenancy, wrongTenant } from './tenancy.ts'

/** A query builder that belongs to a tenant. */
export interface TenantBuilder extends Builder {
  /** True if user code has passed a Knex or a transaction. */
  isGiven: boolean
}

/**
 * Makes query builder classes. Their queries stay with the tenant they were created for. Objection builds
 * a query when it is awaited, and meanwhile creates more queries: in hooks and modifiers, for eager
 * loading and for graphs. All of these run with the query's own tenant in scope.
 */
export class TenantBuilders {
  readonly #tenancy: Tenancy
  readonly #homes: ModelHomes
  readonly #made = new WeakMap<BuilderClass, BuilderClass>()
  readonly #isMade = new WeakSet<BuilderClass>()

  constructor(tenancy: Tenancy, homes: ModelHomes) {
    this.#tenancy = tenancy
    this.#homes = homes
  }

  /** The subclass to use in place of a class. It is the same one every time. */
  of(Base: BuilderClass): BuilderClass {
    if (this.#isMade.has(Base)) return Base
    const made = this.#made.get(Base) ?? tenantBuilderClass(Base, this.#tenancy, this.#homes)
    this.#made.set(Base, made)
    this.#isMade.add(made)
    return made
  }
}

function tenantBuilderClass(Base: BuilderClass, tenancy: Tenancy, homes: ModelHomes): BuilderClass {
  return class TenantQueryBuilder extends Base implements TenantBuilder {
    isGiven = false

    /** Sets the Knex now. Objection would ask the model class when the query runs, in another scope. */
    static override forClass(modelClass: ModelClass & { [BOUND]?: object }): Builder {
      const query = super.forClass(modelClass)
      if (!modelClass[BOUND]) query.internalContext().knex = modelClass.knex()
      return query
    }

    override transacting(trx: object | null | undefined): this {
      return trx ? super.transacting(checkedFor(this, trx)) : this
    }

    override knex(...args: readonly object[]): object {
      return args[0] ? super.knex(checkedFor(this, args[0])) : super.knex()
    }

    override for(...args: readonly unknown[]): unknown {
      if (args.length > 0 && !this.isGiven) homes.check(args[0], this.knex())
      return super.for(...args)
    }

    override childQueryOf(parent: Builder | null | undefined, options?: object): this {
      if (parent) checkedFor(this, parent.knex())
      return super.childQueryOf(parent, options)
    }

    override relate(...args: readonly unknown[]): this {
      if (!this.isGiven) homes.check(args[0], this.knex())
      return super.relate(...args)
    }

    override insertGraph(models: unknown, options?: InsertGraphOptions): this {
      const query = super.insertGraph(models, options)
      return options?.relate ? admitGraph(query) : query
    }

    override insertGraphAndFetch(models: unknown, options?: InsertGraphOptions): this {
      const query = super.insertGraphAndFetch(models, options)
      return options?.relate ? admitGraph(query) : query
    }

    /** Finds rows by the keys of the models, so the models must not belong to another tenant. */
    override upsertGraph(models: unknown, options?: object): this {
      return admitGraph(super.upsertGraph(models, options))
    }

    override upsertGraphAndFetch(models: unknown, options?: object): this {
      return admitGraph(super.upsertGraphAndFetch(models, options))
    }

    /** Objection calls the hook `onAfter1` after an insert has succeeded, and to write a graph. */
    override callAsyncOperationMethod(
      operation: Operation,
      hook: string,
      args: readonly unknown[],
    ): Promise<unknown> {
      const call = () => super.callAsyncOperationMethod(operation, hook, args)
      if (hook !== 'onAfter1' || !operation.models) return call()
      const isGraph = operation.name.includes('Graph')
      const written = isGraph ? [...graphOf(operation.models)] : operation.models
      return homes.adoptDuring(written, this.knex(), call)
    }

    override execute(): Promise<unknown> {
      return tenancy.run(this.knex(), () => super.execute())
    }

    override toKnexQuery(...args: readonly object[]): object {
      return tenancy.runNow(this.knex(), () => super.toKnexQuery(...args))
    }

    override hasWheres(): boolean {
      return tenancy.runNow(this.knex(), () => super.hasWheres())
    }
  }

  /** Checks the models that Objection has made of its arguments, and all models related to them. */
  function admitGraph<B extends TenantBuilder>(builder: B): B {
    if (builder.isGiven) return builder
    const models = builder.findOperation((operation) => 'models' in operation)?.models
    try {
      homes.checkGraph(models, builder.knex())
    } catch (error) {
      // The builder must fail, too, if user code catches this error and awaits it.
      builder.reject(error)
      throw error
    }
    return builder
  }

  /** A query stays with its tenant; it may join that tenant's transactions. */
  function checkedFor(builder: Builder, given: object): object {
    const knex = tenancy.checked(given)
    const present = builder.internalContext().knex
    const tenant = present && tenancy.tenantOf(present)
    const other = tenancy.tenantOf(knex)
    if (!tenant || tenant === other) return knex
    throw wrongTenant(
      `A Knex or transaction of tenant ${JSON.stringify(other.id)} was given to a query of tenant ` +
        `${JSON.stringify(tenant.id)}.`,
      tenant,
    )
  }
}
