import type { Plugin, TableMetadata } from 'objection'
import { TenantKnexError } from '../base/errors.ts'
import { type BoundKnex, innards, type TenantKnex } from '../tenant-knex.ts'
import type {
  Builder,
  FetchMetadataOptions,
  ModelClass,
  ModelInstance,
  Relation,
} from './objection/internals.ts'
import { copyHomes, HOME, type Homed, homeOf, ModelHomes } from './objection/model-homes.ts'
import { type TenantBuilder, TenantBuilders } from './objection/query-builder.ts'
import { TableColumns } from './objection/table-columns.ts'
import { BOUND, Tenancy } from './objection/tenancy.ts'

/** The property with which a bound model class refers to its original class. */
const ORIGINAL = Symbol('tenant-knex.original')

const NO_TENANT_KNEX =
  '`forTenants` takes the tenantKnex that createTenantKnex() returned, not the Knex of one tenant or `ambient`.'

/**
 * Makes Objection's models serve all tenants: a mixin for a base class, or for one model.
 *
 * A query belongs to the tenant that is in scope when the query is created (`Model.query()`, `$query()`,
 * `relatedQuery()`, `transaction()`, ...). It may be awaited in any scope. Its hooks, modifiers and eager
 * loading run with its own tenant in scope. If no tenant is in scope, these methods throw `ERR_NO_TENANT`
 * at once.
 *
 * If you pass a Knex or a transaction (`Model.query(tenantKnex('acme'))`, `Model.query(trx)`), the query
 * belongs to its tenant. It must be of the same tenantKnex.
 *
 * A model that was read from or inserted into one tenant's database belongs to that tenant. In another
 * tenant's scope its `$query()`, `$relatedQuery()` and `$fetchGraph()` throw `ERR_WRONG_TENANT`, unless
 * you pass a Knex or transaction. The same is true of `relate()`, `upsertGraph()`, and `insertGraph()`
 * with `relate`.
 *
 * @throws `ERR_OPTION_INVALID` for anything but a tenantKnex
 * @example
 * class BaseModel extends forTenants(tenantKnex)(Model) {}
 * class User extends BaseModel {
 *   static tableName = 'users'
 * }
 * const users = await tenantKnex.run('acme', () => User.query())
 */
export function forTenants(tenantKnex: TenantKnex): Plugin {
  innards(tenantKnex, NO_TENANT_KNEX)
  const tenancy = new Tenancy(tenantKnex)
  const homes = new ModelHomes(tenancy)
  const builders = new TenantBuilders(tenancy, homes)
  const tools = { tenancy, homes, builders, columns: new TableColumns() }
  return ((Base: unknown) => tenantModel(Base as ModelClass, tools)) as Plugin
}

interface Tools {
  readonly tenancy: Tenancy
  readonly homes: ModelHomes
  readonly builders: TenantBuilders
  readonly columns: TableColumns
}

function tenantModel(Base: ModelClass, { tenancy, homes, builders, columns }: Tools): ModelClass {
  return class TenantModel extends Base implements Homed {
    static override QueryBuilder = builders.of(Base.QueryBuilder)
    static [BOUND]: object | undefined = undefined

    // Private, so that JSON, deep equality and loops over a model's properties do not see it.
    #home: string | undefined

    get [HOME](): string | undefined {
      return #home in this ? this.#home : undefined
    }

    set [HOME](home: string | undefined) {
      if (#home in this) this.#home = home
    }

    /** The bound Knex of the tenant in scope. A class made by `bindKnex` returns its own Knex. */
    static override knex(...args: readonly (object | null | undefined)[]): object | undefined {
      if (args.length === 0) return this[BOUND] ?? tenancy.current()
      const [knex] = args
      // The ambient Knex means the tenant in scope, just like no Knex.
      const value = knex && !tenancy.isAmbient(knex) ? tenancy.checked(knex) : undefined
      // Objection reads it only from here. Its own property is defined with the same attributes.
      Object.defineProperty(this, BOUND, { value, configurable: true, writable: true })
      return undefined
    }

    static override bindKnex(knex: object): ModelClass {
      // Objection keeps the bound class on the Knex, so the Knex must not be that of all tenants.
      return boundFrom(this, super.bindKnex(tenancy.checked(knex)))
    }

    static override bindTransaction(trx: object): ModelClass {
      return boundFrom(this, super.bindTransaction(tenancy.checked(trx)))
    }

    static override query(trx?: object | null): Builder {
      useTenantBuilder(this, builders)
      const given = trx || this[BOUND]
      // `onCreateQuery()` may create queries, too.
      const query = given
        ? tenancy.runNow(tenancy.checked(given), () => super.query(given))
        : super.query(tenancy.current())
      ;(query as TenantBuilder).isGiven = Boolean(trx)
      return query
    }

    static override fetchGraph(
      models: unknown,
      expression: unknown,
      options?: { transaction?: object },
    ): object {
      if (options?.transaction) return super.fetchGraph(models, expression, options)
      const knex = this.knex() as object
      const graph = this.ensureModelArray(models)
      homes.checkGraph(graph, knex)
      return super.fetchGraph(Array.isArray(models) ? graph : graph[0], expression, options)
    }

    static override fromDatabaseJson(json: object): ModelInstance {
      const model = super.fromDatabaseJson(json) as ModelInstance & Homed
      // While a query runs, its tenant is in scope. Otherwise the owner of the row is unknown.
      model[HOME] = homeIn(this)
      return model
    }

    static override fetchTableMetadata(options: FetchMetadataOptions = {}): Promise<TableMetadata> {
      const { knex, parentBuilder, force = false } = options
      const using = tenancy.checked(knex ?? parentBuilder?.knex() ?? (this.knex() as object))
      const table = options.table ?? parentBuilder?.tableNameFor(this) ?? this.getTableName()
      return tenancy.run(using, async () => {
        // First, because a model may override `tableMetadata`.
        const known = this.tableMetadata({ table })
        if (known && known.columns.length > 0 && !force) return known
        return columns.fetch(unbound(this), tenancy.tenantOf(using), table, force, () =>
          this.query(using).childQueryOf(parentBuilder).columnInfo({ table }),
        )
      })
    }

    static override tableMetadata(options: { table?: string } = {}): TableMetadata | null {
      const tenant = tenancy.tenantOf(this.knex() as object)
      return columns.get(unbound(this), tenant, options.table ?? this.getTableName())
    }

    /** Hides the Knex from Objection, because this only walks through models and needs no tenant. */
    static override traverseAsync(...args: unknown[]): Promise<unknown> {
      const withoutKnex = Object.create(this, { knex: { value: () => undefined } })
      return super.traverseAsync.apply(withoutKnex, args)
    }

    /**
     * Keeps a join table's model unbound. Objection would bind it to each Knex and each transaction, and
     * keep it there. Its queries are children of other queries, and get the Knex from them.
     */
    static override getRelationUnsafe(name: string): Relation | null {
      const relation = super.getRelationUnsafe(name)
      if (relation) relation.getJoinModelClass = () => relation.joinTableModelClass
      return relation
    }

    override $query(trx?: object): object {
      const modelClass = this.constructor as ModelClass
      if (!trx) homes.check(this, modelClass.knex() as object)
      return super.$query(trx)
    }

    override $setJson(json: object, options?: object): this {
      // If Objection expects a bound class, it creates a model from another model.
      this[HOME] ??= homeOf(json)
      return super.$setJson(json, options)
    }

    override $toDatabaseJson(builder?: Builder): object {
      // Objection calls this for an INSERT or UPDATE, which may still fail.
      if (builder) this[HOME] ??= tenancy.tenantOf(builder.knex()).id
      return super.$toDatabaseJson(builder)
    }

    override $clone(options?: { shallow?: boolean }): this {
      const clone = super.$clone(options)
      copyHomes(this, clone)
      return clone
    }
  }
}

/** Notes the original of a bound class. Each transaction gets bound classes of its own. */
function boundFrom(original: ModelClass, bound: ModelClass): ModelClass {
  if (!Object.hasOwn(bound, ORIGINAL)) {
    Object.defineProperty(bound, ORIGINAL, { value: unbound(original) })
  }
  return bound
}

function unbound(modelClass: ModelClass): ModelClass {
  const isBound = Object.hasOwn(modelClass, ORIGINAL)
  return isBound ? (modelClass as ModelClass & { [ORIGINAL]: ModelClass })[ORIGINAL] : modelClass
}

/** Replaces the query builder class that a model class may have as a field or as a getter. */
function useTenantBuilder(modelClass: ModelClass, builders: TenantBuilders): void {
  const wanted = builders.of(modelClass.QueryBuilder)
  if (wanted === modelClass.QueryBuilder) return
  Object.defineProperty(modelClass, 'QueryBuilder', {
    value: wanted,
    configurable: true,
    enumerable: true,
    writable: true,
  })
}

/** The id of the tenant in scope, even if the transaction in scope has ended. Undefined in no scope. */
function homeIn(modelClass: ModelClass): string | undefined {
  try {
    return (modelClass.knex() as BoundKnex).tenant.id
  } catch (error) {
    if (!(error instanceof TenantKnexError)) throw error
    if (error.code === 'ERR_NO_TENANT') return undefined
    if (error.code === 'ERR_TRANSACTION_OVER') return error.tenant
    throw error
  }
}
