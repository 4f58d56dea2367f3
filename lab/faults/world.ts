import { once } from 'node:events'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import type { OwnServer } from '../../test/support/own-server.ts'
import { until } from '../../test/support/tenants.ts'

export const TENANTS = ['a', 'b', 'c'] as const

/** Its rights are limited to the tenants' databases, so it cannot write on a read-only server. */
const ACCOUNT = 'tk_faults'

/** How many rows of `items` each tenant has. No cell changes them. */
const ITEMS = 5

/** A row of a tenant's `ledger`: one for each statement that took effect. */
export interface LedgerRow {
  readonly operation: number
  readonly tenant: string
}

/** A server with its tenants' databases, from outside the pool. */
export class World {
  readonly server: OwnServer
  /** The server's URL without a proxy. */
  readonly url: string

  constructor(server: OwnServer) {
    const url = new URL(server.adminUrl)
    url.username = ACCOUNT
    this.server = server
    this.url = url.href
  }

  databaseOf(tenant: string): string {
    return `tkf_${tenant}`
  }

  /** Resets server, account and databases to the initial state of every cell. */
  async reset(limits = ''): Promise<void> {
    await this.sql(
      `CREATE USER IF NOT EXISTS ${ACCOUNT};
       GRANT ALL ON \`tkf\\_%\`.* TO ${ACCOUNT};
       ALTER USER ${ACCOUNT} WITH MAX_USER_CONNECTIONS ${limits || 0}`,
    )
    for (const tenant of TENANTS) await this.#resetTenant(tenant)
  }

  async #resetTenant(tenant: string): Promise<void> {
    const database = this.databaseOf(tenant)
    const rows = Array.from({ length: ITEMS }, (_, index) => `(${index}, '${tenant}', 0)`).join()
    await this.sql(
      `CREATE DATABASE IF NOT EXISTS ${database};
       CREATE TABLE IF NOT EXISTS ${database}.ledger (
         operation INT PRIMARY KEY, tenant VARCHAR(10) NOT NULL);
       CREATE TABLE IF NOT EXISTS ${database}.items (
         id INT PRIMARY KEY, tenant VARCHAR(10) NOT NULL, val INT NOT NULL);
       DELETE FROM ${database}.ledger;
       REPLACE INTO ${database}.items VALUES ${rows}`,
    )
  }

  /** Runs statements as root on a new connection. */
  async sql(sql: string, values?: unknown[]): Promise<RowDataPacket[]> {
    const connection = await this.connect()
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql, values)
      return rows
    } finally {
      connection.destroy()
    }
  }

  /** A lasting connection of root. */
  async connect(uri = this.server.adminUrl): Promise<Connection> {
    const connection = await mysql.createConnection({ uri, multipleStatements: true })
    connection.on('error', () => undefined) // the server may end too
    return connection
  }

  /** The server's ids of the pool's connections, including those that are still connecting. */
  async connectionIds(): Promise<number[]> {
    const rows = await this.sql(
      `SELECT id AS id FROM information_schema.processlist
       WHERE user IN ('${ACCOUNT}', 'unauthenticated user') ORDER BY id`,
    )
    return rows.map(({ id }) => Number(id))
  }

  /** Waits until the server runs this many statements of the pool that begin with this text. */
  async untilRunning(text: string, count = 1): Promise<void> {
    await until(`the server to run ${count} × ${text}`, async () => {
      const [row] = await this.sql(
        `SELECT COUNT(*) AS running FROM information_schema.processlist
         WHERE user = '${ACCOUNT}' AND info LIKE ?`,
        [`${text}%`],
      )
      return Number(row?.running) >= count
    })
  }

  async ledger(tenant: string): Promise<LedgerRow[]> {
    const rows = await this.sql(`SELECT operation, tenant FROM ${this.databaseOf(tenant)}.ledger`)
    return rows as LedgerRow[] & RowDataPacket[]
  }

  /** @throws Error if a row of `items` has changed */
  async checkItems(): Promise<void> {
    for (const tenant of TENANTS) {
      const [row] = await this.sql(
        `SELECT COUNT(*) AS count FROM ${this.databaseOf(tenant)}.items
         WHERE tenant = '${tenant}' AND val = 0`,
      )
      if (Number(row?.count) !== ITEMS) throw new Error(`The items of ${tenant} have changed.`)
    }
  }
}

/** Closes a connection without sending anything, because a frozen server could not answer. */
export async function hangUp(connection: Connection): Promise<void> {
  const { stream } = (
    connection as unknown as { connection: { stream: import('node:net').Socket } }
  ).connection
  if (stream.destroyed) return
  const closed = once(stream, 'close')
  stream.destroy()
  await closed
}
