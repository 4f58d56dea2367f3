import { createClient } from '@keyv/redis'

/** The Redis of an example's cache or queue, and the prefix of its keys. */
interface Place {
  readonly REDIS_URL?: string
  readonly DATABASE_PREFIX: string
}

/** Deletes an example's keys from a Redis. */
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
