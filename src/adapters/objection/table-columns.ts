import type { TableMetadata } from 'objection'

interface FetchedTable {
  /** Undefined until it is known. */
  metadata: TableMetadata | undefined
  readonly fetched: Promise<TableMetadata>
}

type Tables = Map<string, FetchedTable>

/**
 * The columns of tables, which Objection needs for `withGraphJoined`. Each tenant has its own, because
 * one tenant may be a migration ahead of another. A failure for one tenant does not affect the others.
 * Equal columns are one object. A tenant's columns live as long as its bound Knex.
 */
export class TableColumns {
  readonly #ofClass = new WeakMap<object, WeakMap<object, Tables>>()
  readonly #distinct = new Map<string, TableMetadata>()

  get(modelClass: object, tenant: object, table: string): TableMetadata | null {
    return this.#ofClass.get(modelClass)?.get(tenant)?.get(table)?.metadata ?? null
  }

  /** Waits for a running fetch, unless `isForced`. */
  fetch(
    modelClass: object,
    tenant: object,
    table: string,
    isForced: boolean,
    ask: () => PromiseLike<object>,
  ): Promise<TableMetadata> {
    const tables = this.#tablesOf(modelClass, tenant)
    const present = tables.get(table)
    // Without columns, the table did not exist at that time.
    if (present && !isForced && present.metadata?.columns.length !== 0) return present.fetched
    // The known columns stay valid until the new ones are there.
    const metadata = isForced ? present?.metadata : undefined
    const fetchedTable: FetchedTable = { metadata, fetched: this.#ask(ask) }
    tables.set(table, fetchedTable)
    fetchedTable.fetched.then(
      (metadata) => {
        fetchedTable.metadata = metadata
      },
      () => {
        if (tables.get(table) === fetchedTable) tables.delete(table)
      },
    )
    return fetchedTable.fetched
  }

  #tablesOf(modelClass: object, tenant: object): Tables {
    const ofTenant = this.#ofClass.get(modelClass) ?? new WeakMap<object, Tables>()
    this.#ofClass.set(modelClass, ofTenant)
    const tables = ofTenant.get(tenant) ?? new Map<string, FetchedTable>()
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
