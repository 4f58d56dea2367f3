/* The side that makes jobs. Each job carries the tenant that is in scope. */
import { type Job, Queue, QueueEvents } from 'bullmq'
import { type NoteJob, QUEUE, queueOptions, redis, tenantKnex } from './queue.ts'

const queue = new Queue<NoteJob, string>(QUEUE, queueOptions)
const events = new QueueEvents(QUEUE, queueOptions)
await events.waitUntilReady()

/** Takes no tenant: an application calls it while it handles a request. */
async function writeLater(text: string): Promise<Job<NoteJob, string>> {
  const job = { tenant: tenantKnex.capture(), text }
  return queue.add('write', job, { attempts: 3, backoff: { type: 'fixed', delay: 100 } })
}

const jobs = await Promise.all([
  tenantKnex.run('acme', () => writeLater('Return the magnet')),
  tenantKnex.run('globex', () => writeLater('Buy the Denver Broncos')),
])
const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)))
for (const result of results) console.log(result)

await Promise.all([queue.close(), events.close(), tenantKnex.destroy()])
await redis.close()
