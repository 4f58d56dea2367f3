import { QueryBuilder, Raw, SchemaBuilder, type Transactable } from './dialect.ts'
import { checkMaker, checkSameTenant, checkTransaction } from './ownership.ts'

/** Marks what a tenant's Knex has made, for every copy of this package. */
const MADE_FOR_TENANT: unique symbol = Symbol.for('tenant-knex.builder') as never

/** The client of the outermost builder that is being compiled; compiling is synchronous. */
let compiling: object | undefined

/**
 * Compiles for a client. Knex checks what it compiles inside a builder by the outer one's client,
 * but of some it takes the text (the query of a view, a raw statement's default, `joinRaw`): that
 * is compiled by its own client, and must be of the same tenant as well.
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

/** The client that sends what is being compiled: a transaction's may be in another database than its tenant is now. */
export function compiledFor(client: object): object {
  return compiling ?? client
}

/** A builder that cannot join another tenant's transaction, nor be put into its builders. */
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

/** Refuses a builder of another tenant, or of a Knex without tenants, by the client that is to use it. */
export function checkBuilder(what: string, client: object, builder: object): void {
  const { client: maker } = builder as Transactable
  if (MADE_FOR_TENANT in builder) checkSameTenant(what, client, maker)
  else checkMaker(what, client, maker)
}

/** The same for what may be a whole statement, of which Knex would take the text as its maker compiles it. */
export function checkStatement(client: object, statement: unknown): void {
  if (statement instanceof QueryBuilder) checkBuilder('A query builder', client, statement)
  else if (statement instanceof Raw) checkBuilder('A raw statement', client, statement)
}

/** The constructor of our subclass is one line of the stack more than Knex knows of. */
export function withoutFrame<B extends Transactable>(builder: B): B {
  if (builder._asyncStack) builder._asyncStack.lines++
  return builder
}

/** A query builder of one tenant. */
export const TenantQueryBuilder: typeof QueryBuilder = bound(QueryBuilder)
/** A schema builder of one tenant. */
export const TenantSchemaBuilder: typeof SchemaBuilder = bound(SchemaBuilder)

const BoundRaw: typeof Raw = bound(Raw)

/** Knex gives a raw statement the client of the builder it is put into; ours remembers its own. */
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
