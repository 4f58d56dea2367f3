import { once } from 'node:events'
import { createTenantKnex } from '../../../../src/index.ts'

// A process without a listener for `error` events. Its first argument is the URL of a Redis;
// each line of its input is a step. After each step it prints the results of the calls.

const tenantKnex = createTenantKnex({
  connection: { host: '127.0.0.1', port: 9, user: 'nobody' },
  cache: { store: process.argv[2] as string },
})

const { cache } = tenantKnex('a')

async function fate(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value ?? null,
    ({ code, message }) => `${code}: ${message}`,
  )
}

/** Makes all calls at once, so that the test sees them fail at once. */
async function step(): Promise<unknown> {
  return Promise.all([
    fate(cache.set('k', 1)),
    fate(cache.get('k')),
    fate(cache.delete('k')),
    fate(cache.clear()),
    fate(cache.remember('computed', { ttlMillis: 1_000 }, () => 'computed')),
  ])
}

process.stdin.resume()
for (;;) {
  const [line] = await once(process.stdin, 'data')
  if (String(line).trim() === 'end') break
  console.log(JSON.stringify(await step()))
}
process.stdin.destroy()
cache.get('k').catch(() => undefined) // a call that runs at the end does not keep the process alive
await tenantKnex.destroy()
