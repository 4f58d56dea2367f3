import type { Knex } from 'knex'
import { DemoError } from './failure.ts'

const PREFIX = 'tenant_knex_demo_'

/** The database of a tenant. */
export function databaseOf(country: string): string {
  return `${PREFIX}${country}`
}

/** Creates databases, and drops only those that it has created. */
export class Databases {
  readonly #admin: Knex
  readonly #created = new Set<string>()

  constructor(admin: Knex) {
    this.#admin = admin
  }

  async create(database: string): Promise<void> {
    try {
      // Without IF NOT EXISTS: an existing database belongs to another user.
      await this.#admin.raw('CREATE DATABASE ?? CHARACTER SET utf8mb4', [database])
    } catch (error) {
      throw explained(error, database)
    }
    this.#created.add(database)
  }

  async drop(): Promise<void> {
    for (const database of this.#created) {
      try {
        await this.#admin.raw('DROP DATABASE IF EXISTS ??', [database])
      } catch (error) {
        throw notDropped([...this.#created], error)
      }
      this.#created.delete(database)
    }
  }
}

function explained(error: unknown, database: string): unknown {
  const { code, sqlMessage } = error as { code?: string; sqlMessage?: string }
  if (code === 'ER_DB_CREATE_EXISTS') {
    return new DemoError(
      `The database ${database} exists already. The demo uses only databases that it has created. ` +
        'If an earlier demo was killed, drop its databases. This lists them:\n' +
        `  SHOW DATABASES LIKE '${pattern()}'`,
    )
  }
  if (code === 'ER_DBACCESS_DENIED_ERROR') {
    return new DemoError(
      `The account may not create the demo's databases: ${sqlMessage}. This lets it:\n` +
        `  GRANT ALL ON \`${pattern()}\`.* TO ...`,
    )
  }
  return error
}

function notDropped([first, ...others]: readonly string[], error: unknown): DemoError {
  const which = others.length === 0 ? first : `${first} and ${others.length} others`
  const { message } = error as Error
  return new DemoError(`The demo could not drop its databases: ${which}. ${message}`)
}

function pattern(): string {
  return `${PREFIX.replaceAll('_', '\\_')}%`
}
