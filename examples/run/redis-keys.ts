import { createClient } from '@keyv/redis'

/** Where an example has its cache or its queue, and what its keys begin with. */
interface Place {
  readonly REDIS_URL?: string
  readonly DATABASE_PREFIX: string
}

/** Deletes what an example has left in a Redis. */
export async function deleteKeys({ REDIS_URL: url, DATABASE_PREFIX }: Place): Promise<void> {
  if (url === undefined) return
  const pattern = `${DATABASE_PREFIX.replace(/[*?[\]\\]/g, '\\$&')}*`
  const client = createClient({ url })
  await client.connect()
  try {
    for await (const keys of client.scanIterator({ MATCH: pattern, COUNT: 1_000 })) {
      if (keys.length > 0) await client.unlink(keys)
    }
  } finally {
    client.destroy()
  }
}
