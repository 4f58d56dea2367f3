import { setTimeout as sleep } from 'node:timers/promises'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'

/** How long a server may take to start again. */
const PATIENCE_MILLIS = 20_000

/** Root's connection to a server that is restarted and killed. A lost connection is opened again. */
export class Admin {
  readonly #url: string
  #connection: Promise<Connection> | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** Runs statements. If the connection is lost, runs all of them again. */
  async sql(sql: string, values?: unknown[]): Promise<RowDataPacket[]> {
    const deadline = Date.now() + PATIENCE_MILLIS
    for (;;) {
      try {
        return await this.try(sql, values)
      } catch (error) {
        if (!isLoss(error) || Date.now() > deadline) throw error
        await sleep(20)
      }
    }
  }

  /** Runs statements. */
  async try(sql: string, values?: unknown[]): Promise<RowDataPacket[]> {
    this.#connection ??= this.#connect()
    const connecting = this.#connection
    try {
      const connection = await connecting
      const [rows] = await connection.query<RowDataPacket[]>(sql, values)
      return rows
    } catch (error) {
      if (isLoss(error) && this.#connection === connecting) this.#connection = undefined
      throw error
    }
  }

  async end(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined)
    connection?.destroy()
  }

  async #connect(): Promise<Connection> {
    const connection = await mysql.createConnection({ uri: this.#url, multipleStatements: true })
    connection.on('error', () => {
      this.#connection = undefined
    })
    return connection
  }
}

function isLoss(error: unknown): boolean {
  const { fatal, sqlState, message } = error as {
    fatal?: boolean
    sqlState?: string
    message?: string
  }
  return fatal === true || sqlState === undefined || /closed state/.test(String(message))
}
