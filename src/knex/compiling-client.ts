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

/**
 * Makes the builders of a tenant. It compiles a builder only if it belongs to the tenant and names only the
 * tenant's tables.
 */
export class CompilingClient extends Dialect {
  override queryBuilder(): object {
    return new TenantQueryBuilder(this)
  }

  override schemaBuilder(): object {
    return withoutFrame(new TenantSchemaBuilder(this))
  }

  override raw(...args: unknown[]): object {
    // Knex creates the shared `DEFAULT` while it constructs the first client, which has no tenant.
    if (!isBound(this)) return super.raw(...args)
    checkStatement(this, args[0])
    return withoutFrame(new TenantRaw(this)).set(...args)
  }

  /** Knex compiles every builder through this method, inner ones too. */
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

  /** Knex embeds the text of a view's query, so that query is checked here. */
  override viewCompiler(viewBuilder: object): object {
    checkStatement(this, (viewBuilder as ViewBuilderParts)._selectQuery)
    return super.viewCompiler(viewBuilder)
  }
}
