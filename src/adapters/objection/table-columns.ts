import type { TableMetadata } from 'objection'

interface Entry {
  /** Set once it is known. */
  metadata: TableMetadata | undefined
  readonly fetched: Promise<TableMetadata>
}

type Tables = Map<string, Entry>

/**
 * The columns of tables, as Objection wants to know them for `withGraphJoined`: of each tenant by
 * itself, because one may be a migration ahead of another, and what fails for one is no other's
 * failure. Equal ones are one object; a tenant's go when its bound Knex goes.
 */
export class TableColumns {
  readonly #ofClass = new WeakMap<object, WeakMap<object, Tables>>()
  readonly #distinct = new Map<string, TableMetadata>()

  get(modelClass: object, tenant: object, table: string): TableMetadata | null {
    return this.#ofClass.get(modelClass)?.get(tenant)?.get(table)?.metadata ?? null
  }

  /** Waits for a fetch that is under way, unless forced. */
  fetch(
    modelClass: object,
    tenant: object,
    table: string,
    isForced: boolean,
    ask: () => PromiseLike<object>,
  ): Promise<TableMetadata> {
    const tables = this.#tablesOf(modelClass, tenant)
    const present = tables.get(table)
    // No columns: the table did not exist then.
    if (present && !isForced && present.metadata?.columns.length !== 0) return present.fetched
    // What is known stays known while it is asked for again.
    const metadata = isForced ? present?.metadata : undefined
    const entry: Entry = { metadata, fetched: this.#ask(ask) }
    tables.set(table, entry)
    entry.fetched.then(
      (metadata) => {
        entry.metadata = metadata
      },
      () => {
        if (tables.get(table) === entry) tables.delete(table)
      },
    )
    return entry.fetched
  }

  #tablesOf(modelClass: object, tenant: object): Tables {
    const ofTenant = this.#ofClass.get(modelClass) ?? new WeakMap<object, Tables>()
    this.#ofClass.set(modelClass, ofTenant)
    const tables = ofTenant.get(tenant) ?? new Map<string, Entry>()
    ofTenant.set(tenant, tables)
    return tables
  }

  async #ask(ask: () => PromiseLike<object>): Promise<TableMetadata> {
    const columns = Object.keys(await ask())
    const key = JSON.stringify(columns)
    const known = this.#distinct.get(key) ?? { columns }
    this.#distinct.set(key, known)
    return known
  }
}
