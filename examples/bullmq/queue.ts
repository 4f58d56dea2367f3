/* What both sides know: the tenants, the queue, and what is in a job. */
import { createClient } from '@keyv/redis'
import type { QueueOptions } from 'bullmq'
import { createTenantKnex, type TenantKnex, type TenantToken } from 'tenant-knex'

const { DATABASE_URL = '', DATABASE_PREFIX = '', REDIS_URL = '' } = process.env

export const tenantKnex: TenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => `${DATABASE_PREFIX}${id}`,
})

export const QUEUE = 'notes'

/** A note to be written, and whose it is. */
export interface NoteJob {
  readonly tenant: TenantToken
  readonly text: string
}

/** A node-redis client, which BullMQ takes as well as ioredis. */
export const redis = createClient({ url: REDIS_URL })
export const queueOptions: QueueOptions = { connection: redis, prefix: `${DATABASE_PREFIX}bull` }
