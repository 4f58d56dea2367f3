import type { Knex } from 'knex'
import { annotate } from '../base/errors.ts'
import type { Tenant } from '../tenants/tenant.ts'

/** The part of Knex's logger that is changed here. */
export interface Logger {
  warn(message: unknown): void
}

/** How the warnings of Knex's migrator begin. */
const OF_MIGRATIONS = /^(?:migration (?:file .*)?failed|Can't take lock to run migrations)/

/** A logger whose warnings about migrations name the tenant. The rest is Knex's. */
export function namingLogger(logger: Logger, tenant: () => Tenant): Logger {
  const warn = (message: unknown): void => {
    const isOurs = typeof message === 'string' && OF_MIGRATIONS.test(message)
    logger.warn(isOurs ? `Tenant ${JSON.stringify(tenant().id)}: ${message}` : message)
  }
  return Object.create(logger, { warn: { value: warn } })
}

const METHODS = ['latest', 'up', 'down', 'rollback'] as const

/** Adds the property `tenant` to the errors of a migrator. The message stays Knex's. */
export function namingMigrator(migrator: Knex.Migrator, { id }: Tenant): Knex.Migrator {
  for (const name of METHODS) {
    const method = migrator[name] as (...args: unknown[]) => Promise<unknown>
    const value = async (...args: unknown[]): Promise<unknown> => {
      try {
        return await Reflect.apply(method, migrator, args)
      } catch (error) {
        annotate(error, { tenant: id })
        throw error
      }
    }
    Object.defineProperty(migrator, name, { value })
  }
  return migrator
}
