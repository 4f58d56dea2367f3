/*
 * The members of Objection's model and query builder classes that are overridden or called here.
 * Objection's own types lack some of them, or describe them only for users of finished models. Source:
 * objection 3.1.5 (lib/model/Model.js, lib/queryBuilder/QueryBuilder.js, lib/relations).
 */
import type { InsertGraphOptions, TableMetadata } from 'objection'

/** A query builder. */
export interface Builder {
  knex(knex?: object): object
  transacting(trx: object | null | undefined): this
  for(owner?: unknown): unknown
  childQueryOf(parent: Builder | null | undefined, options?: object): this
  relate(...args: readonly unknown[]): this
  insertGraph(models: unknown, options?: InsertGraphOptions): this
  insertGraphAndFetch(models: unknown, options?: InsertGraphOptions): this
  upsertGraph(models: unknown, options?: object): this
  upsertGraphAndFetch(models: unknown, options?: object): this
  findOperation(selector: (operation: Operation) => boolean): Operation | null
  callAsyncOperationMethod(
    operation: Operation,
    hook: string,
    args: readonly unknown[],
  ): Promise<unknown>
  reject(error: unknown): this
  columnInfo(options: { table: string }): PromiseLike<object>
  tableNameFor(modelClass: ModelClass): string
  execute(): Promise<unknown>
  toKnexQuery(knexBuilder?: object): object
  hasWheres(): boolean
  internalContext(): { knex: object | null | undefined }
}

/** A part of a query. */
export interface Operation {
  readonly name: string
  /** The models that an insert or a graph writes. */
  readonly models?: readonly ModelInstance[]
}

/** A query builder class. */
export interface BuilderClass {
  new (modelClass: unknown): Builder
  forClass(modelClass: ModelClass): Builder
}

/** A model. */
export interface ModelInstance {
  readonly $isObjectionModel: true
  $query(trx?: object): object
  $clone(options?: { shallow?: boolean }): this
  $setJson(json: object, options?: object): this
  $toDatabaseJson(builder?: Builder): object
}

/** The options of `fetchTableMetadata`. Only Objection itself passes a parent builder. */
export interface FetchMetadataOptions {
  readonly knex?: object | null
  readonly parentBuilder?: Builder | null
  readonly force?: boolean
  readonly table?: string | null
}

/** A relation of a model. */
export interface Relation {
  joinTableModelClass: unknown
  getJoinModelClass(knex: unknown): unknown
}

/** A model class. */
export interface ModelClass {
  new (): ModelInstance
  QueryBuilder: BuilderClass
  query(trx?: object | null): Builder
  knex(...args: readonly (object | null | undefined)[]): object | undefined
  bindKnex(knex: object): ModelClass
  bindTransaction(trx: object): ModelClass
  fetchGraph(models: unknown, expression: unknown, options?: { transaction?: object }): object
  ensureModelArray(models: unknown): ModelInstance[]
  fromDatabaseJson(json: object): ModelInstance
  fetchTableMetadata(options?: FetchMetadataOptions): Promise<TableMetadata>
  tableMetadata(options?: { table?: string }): TableMetadata | null
  traverseAsync(...args: unknown[]): Promise<unknown>
  getTableName(): string
  getRelationNames(): readonly string[]
  getRelationUnsafe(name: string): Relation | null
}
