/* The side that runs jobs. Each job has its tenant in scope, on retries too. */
import { type Job, Worker } from 'bullmq'
import { type NoteJob, QUEUE, queueOptions, redis, tenantKnex } from './queue.ts'

const worker = new Worker<NoteJob, string>(
  QUEUE,
  (job) => tenantKnex.restore(job.data.tenant, () => writeNote(job)),
  { ...queueOptions, concurrency: 8 },
)
worker.on('failed', (job, error) => {
  console.log(`${job?.data.tenant.tenant}: attempt ${job?.attemptsMade} failed: ${error.message}`)
})

/** Like the rest of an application, it does not know about tenants. */
async function writeNote({ data, attemptsMade }: Job<NoteJob>): Promise<string> {
  if (attemptsMade === 0) throw new Error('the network is down')
  await tenantKnex.ambient('notes').insert({ text: data.text })
  const texts = await tenantKnex.ambient('notes').orderBy('id').pluck('text')
  return `${data.tenant.tenant} has ${texts.length} notes now, the last is "${texts.at(-1)}"`
}

process.once('SIGTERM', async () => {
  await worker.close()
  await tenantKnex.destroy()
  await redis.close()
})
