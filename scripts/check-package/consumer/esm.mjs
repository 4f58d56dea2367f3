import { AcquireTimeoutError, createTenantKnex, TenantKnexError } from 'tenant-knex'
import use from './use.cjs'

await use({ AcquireTimeoutError, createTenantKnex, TenantKnexError })
