/* Shared by both sides: the tenants, the queue, and the content of a job. */
import { createClient } from '@keyv/redis'
import type { QueueOptions } from 'bullmq'
import { createTenantKnex, type TenantKnex, type TenantToken } from 'tenant-knex'

const { DATABASE_URL = '', DATABASE_PREFIX = '', REDIS_URL = '' } = process.env

export const tenantKnex: TenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => `${DATABASE_PREFIX}${id}`,
})

export const QUEUE = 'notes'

/** A note to be written, and its tenant. */
export interface NoteJob {
  readonly tenant: TenantToken
  readonly text: string
}

/** A node-redis client. BullMQ accepts it as well as ioredis. */
export const redis = createClient({ url: REDIS_URL })
export const queueOptions: QueueOptions = { connection: redis, prefix: `${DATABASE_PREFIX}bull` }
