import { isBound, locatedTenant } from './binding.ts'
import {
  checkBuilder,
  checkStatement,
  compiledFor,
  TenantQueryBuilder,
  TenantRaw,
  TenantSchemaBuilder,
  withoutFrame,
} from './builders.ts'
import { Dialect, type ViewBuilderParts } from './dialect.ts'
import { checkForeignKeys, checkSchemaTables, checkTables } from './guards.ts'
import { refused } from './ownership.ts'

/** Makes the builders of a tenant, and compiles only those that belong to it and name its tables. */
export class CompilingClient extends Dialect {
  override queryBuilder(): object {
    return new TenantQueryBuilder(this)
  }

  override schemaBuilder(): object {
    return withoutFrame(new TenantSchemaBuilder(this))
  }

  override raw(...args: unknown[]): object {
    // Knex makes the `DEFAULT` that all clients share while it builds the first of them.
    if (!isBound(this)) return super.raw(...args)
    checkStatement(this, args[0])
    return withoutFrame(new TenantRaw(this)).set(...args)
  }

  /** Every builder is compiled through here, and every builder inside another one. */
  override queryCompiler(builder: object, bindings?: unknown): object {
    checkBuilder('A query builder', this, builder)
    try {
      checkTables(builder, locatedTenant(compiledFor(this)))
    } catch (error) {
      throw refused(this, error)
    }
    return super.queryCompiler(builder, bindings)
  }

  override schemaCompiler(...args: object[]): object {
    try {
      checkSchemaTables(args[0] ?? {}, locatedTenant(compiledFor(this)))
    } catch (error) {
      throw refused(this, error)
    }
    return super.schemaCompiler(...args)
  }

  override tableCompiler(tableBuilder: object): object {
    try {
      checkForeignKeys(tableBuilder, locatedTenant(compiledFor(this)))
    } catch (error) {
      throw refused(this, error)
    }
    return super.tableCompiler(tableBuilder)
  }

  /** Knex takes the text of a view's query. */
  override viewCompiler(viewBuilder: object): object {
    checkStatement(this, (viewBuilder as ViewBuilderParts)._selectQuery)
    return super.viewCompiler(viewBuilder)
  }
}
