import {
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  NotFoundException,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { createTenantKnex, type TenantKnex } from 'tenant-knex'
import { tenantMiddleware } from 'tenant-knex/express'
import { subdomain } from 'tenant-knex/resolve'

const { DATABASE_URL = '', DATABASE_PREFIX = '' } = process.env

/** Injects the ambient Knex: `@Inject(KNEX) knex: AmbientKnex`. */
export const KNEX = Symbol('knex')
/** Injects the tenantKnex itself. */
export const TENANT_KNEX = Symbol('tenantKnex')

const tenants = new Set(['acme', 'globex'])
const createTenants = (): TenantKnex =>
  createTenantKnex({
    connection: DATABASE_URL,
    database: (id) => (tenants.has(id) ? `${DATABASE_PREFIX}${id}` : null), // null: no such tenant
  })

/** Gives each request its tenant, and all providers the Knex of that tenant. */
@Module({
  providers: [
    { provide: TENANT_KNEX, useFactory: createTenants },
    { provide: KNEX, inject: [TENANT_KNEX], useFactory: ({ ambient }: TenantKnex) => ambient },
  ],
  exports: [KNEX, TENANT_KNEX],
})
export class TenancyModule implements NestModule, OnApplicationShutdown {
  readonly #tenantKnex: TenantKnex

  constructor(@Inject(TENANT_KNEX) tenantKnex: TenantKnex) {
    this.#tenantKnex = tenantKnex
  }

  configure(consumer: MiddlewareConsumer): void {
    const middleware = tenantMiddleware(this.#tenantKnex, {
      resolve: subdomain({ baseDomains: ['localhost'] }),
      onNotFound: (_req, _res, next) => next(new NotFoundException('There is no such tenant.')),
    })
    consumer.apply(middleware).exclude('health').forRoutes('{*path}')
  }

  onApplicationShutdown(): Promise<void> {
    return this.#tenantKnex.destroy()
  }
}
