import type { Plugin, TableMetadata } from 'objection'
import { TenantKnexError } from '../base/errors.ts'
import { innards, type TenantKnex } from '../tenant-knex.ts'
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

/** Where a bound model class keeps the one it was made from. */
const ORIGINAL = Symbol('tenant-knex.original')

const NO_TENANT_KNEX =
  '`forTenants` takes the tenantKnex that createTenantKnex() gave you: not the Knex of one tenant, nor `ambient`.'

/**
 * Makes Objection's models serve all tenants: a mixin for a base class, or for one model.
 *
 * A query belongs to the tenant that is in scope when it is made (`Model.query()`, `$query()`,
 * `relatedQuery()`, `transaction()`, ...), wherever it is awaited: also its hooks, modifiers and eager
 * loading run with that tenant in scope. With no tenant in scope these throw `ERR_NO_TENANT` at once.
 * A Knex or transaction that is given instead (`Model.query(tenantKnex('acme'))`, `Model.query(trx)`)
 * says the tenant; it must be of the same tenantKnex.
 *
 * A model that was read from or inserted into one tenant's database refuses `$query()`,
 * `$relatedQuery()` and `$fetchGraph()` in another's scope with `ERR_WRONG_TENANT`, unless given a
 * Knex or transaction. So do `relate()`, `upsertGraph()`, and `insertGraph()` with `relate`.
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

    // Private: not seen by JSON, by deep equality, or by what walks over a model's properties.
    #home: string | undefined

    get [HOME](): string | undefined {
      return #home in this ? this.#home : undefined
    }

    set [HOME](home: string | undefined) {
      if (#home in this) this.#home = home
    }

    /** The bound Knex of the tenant in scope; that of a class made by `bindKnex` is its own. */
    static override knex(...args: readonly (object | null | undefined)[]): object | undefined {
      if (args.length === 0) return this[BOUND] ?? tenancy.current()
      const [knex] = args
      // The ambient one means the tenant in scope, as a class without any does.
      const value = knex && !tenancy.isAmbient(knex) ? tenancy.checked(knex) : undefined
      // Objection reads it back from here only, and defines it so.
      Object.defineProperty(this, BOUND, { value, configurable: true, writable: true })
      return undefined
    }

    static override bindKnex(knex: object): ModelClass {
      // Objection keeps the bound class on the Knex, so that must not be the one of all tenants.
      return boundFrom(this, super.bindKnex(tenancy.checked(knex)))
    }

    static override bindTransaction(trx: object): ModelClass {
      return boundFrom(this, super.bindTransaction(tenancy.checked(trx)))
    }

    static override query(trx?: object | null): Builder {
      useTenantBuilder(this, builders)
      const given = trx || this[BOUND]
      // `onCreateQuery()` may make queries too.
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
      // While a query runs its tenant is in scope. Elsewhere nobody knows whose row it is.
      model[HOME] = homeIn(this)
      return model
    }

    static override fetchTableMetadata(options: FetchMetadataOptions = {}): Promise<TableMetadata> {
      const { knex, parentBuilder, force = false } = options
      const using = tenancy.checked(knex ?? parentBuilder?.knex() ?? (this.knex() as object))
      const table = options.table ?? parentBuilder?.tableNameFor(this) ?? this.getTableName()
      return tenancy.run(using, async () => {
        // First, because a model may have its own.
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

    /** Only walks through models, so it needs no tenant; Objection would ask for the Knex. */
    static override traverseAsync(...args: unknown[]): Promise<unknown> {
      const withoutKnex = Object.create(this, { knex: { value: () => undefined } })
      return super.traverseAsync.apply(withoutKnex, args)
    }

    /**
     * Objection would bind a join table's model to each Knex and each transaction, and keep it
     * there. Its queries are all children of the query that needs them, and get the Knex from that.
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
      // Objection makes a model of another where a bound class is expected.
      this[HOME] ??= homeOf(json)
      return super.$setJson(json, options)
    }

    override $toDatabaseJson(builder?: Builder): object {
      // How a model gets into an INSERT or UPDATE, which may fail yet.
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

/** Remembers which class one was bound from: for transactions new ones are made each time. */
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

/** A model class may have a query builder class of its own, as a field or as a getter. */
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

/** The id of the tenant in scope, also where a transaction in scope has ended; undefined in none. */
function homeIn(modelClass: ModelClass): string | undefined {
  try {
    return (modelClass.knex() as ReturnType<TenantKnex>).tenant.id
  } catch (error) {
    if (!(error instanceof TenantKnexError)) throw error
    if (error.code === 'ERR_NO_TENANT') return undefined
    if (error.code === 'ERR_TRANSACTION_OVER') return error.tenant
    throw error
  }
}
