import { QueryBuilder, Raw, SchemaBuilder, type Transactable } from './dialect.ts'
import { checkMaker, checkSameTenant, checkTransaction } from './ownership.ts'

/** Marks builders of a tenant's Knex, for every copy of this package. */
const MADE_FOR_TENANT: unique symbol = Symbol.for('tenant-knex.builder') as never

/**
 * The client of the outermost builder during compilation, which is synchronous. It cannot be an argument: Knex
 * compiles inner builders by their own `toSQL`, without one.
 */
let compiling: object | undefined

/**
 * Compiles a builder for a client. Knex compiles most inner builders with the outer builder's client, which
 * checks them. Some inner builders it compiles to text with their own client: the query of a view, a raw
 * statement's default, `joinRaw`. Those must belong to the same tenant too.
 */
function compileFor<T>(client: object, compile: () => T): T {
  if (compiling) {
    checkSameTenant('A builder', compiling, client)
    return compile()
  }
  compiling = client
  try {
    return compile()
  } finally {
    compiling = undefined
  }
}

/**
 * The client that will send the SQL under compilation. A transaction's client may be in another database than
 * its tenant is now.
 */
export function compiledFor(client: object): object {
  return compiling ?? client
}

/** Makes a builder class whose builders cannot join another tenant's transaction or builder. */
function bound<B extends new (client: object) => Transactable>(Base: B): B {
  return class extends (Base as new (client: object) => Transactable) {
    get [MADE_FOR_TENANT](): true {
      return true
    }

    override toSQL(...args: unknown[]): object {
      return compileFor(this.client, () => super.toSQL(...args))
    }

    override transacting(transaction: unknown): this {
      checkTransaction(this.client, transaction)
      return super.transacting(transaction)
    }
  } as unknown as B
}

/**
 * Refuses a builder of another tenant, or of a Knex without tenants. The given client is the one that will
 * use it.
 */
export function checkBuilder(what: string, client: object, builder: object): void {
  const { client: maker } = builder as Transactable
  if (MADE_FOR_TENANT in builder) checkSameTenant(what, client, maker)
  else checkMaker(what, client, maker)
}

/**
 * Like {@link checkBuilder}, for a value that may be a whole statement. Knex would embed its text as compiled
 * by its own client.
 */
export function checkStatement(client: object, statement: unknown): void {
  if (statement instanceof QueryBuilder) checkBuilder('A query builder', client, statement)
  else if (statement instanceof Raw) checkBuilder('A raw statement', client, statement)
}

/** Corrects Knex's stack offset: the constructor of our subclass adds one line. */
export function withoutFrame<B extends Transactable>(builder: B): B {
  if (builder._asyncStack) builder._asyncStack.lines++
  return builder
}

/** The class of a tenant's query builders. */
export const TenantQueryBuilder: typeof QueryBuilder = bound(QueryBuilder)
/** The class of a tenant's schema builders. */
export const TenantSchemaBuilder: typeof SchemaBuilder = bound(SchemaBuilder)

const BoundRaw: typeof Raw = bound(Raw)

/**
 * A raw statement of one tenant. Knex replaces its client by that of the outer builder, so it remembers its
 * own.
 */
export class TenantRaw extends BoundRaw {
  readonly #madeBy: object

  constructor(client: object) {
    super(client)
    this.#madeBy = client
  }

  override toSQL(...args: unknown[]): object {
    checkSameTenant('A raw statement', this.client, this.#madeBy)
    return super.toSQL(...args)
  }
}
