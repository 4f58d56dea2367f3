import { expect } from 'chai'
import { EXAMPLES } from '../../../../examples/run/examples.ts'
import { say } from '../../../support/servers/say.ts'
import { ExampleProcess } from './example-process.ts'
import { databaseUrl, namesWith } from './left-behind.ts'

const HOOK_MILLIS = 90_000

/**
 * Defines tests of examples that are servers: they are started together before the first test, and
 * are interrupted after the last, when they must end well and leave nothing behind.
 */
export function describeServers(
  names: readonly string[],
  define: (name: string, example: () => ExampleProcess) => void,
): void {
  const running = new Map<string, ExampleProcess>()

  before(async function () {
    this.timeout(HOOK_MILLIS)
    databaseUrl()
    for (const name of names.filter(canRun)) running.set(name, await ExampleProcess.begin([name]))
    await Promise.all([...running.values()].map((example) => example.untilWritten('It runs.')))
  })

  for (const name of names) {
    describe(`the example ${name}`, () => {
      before(function () {
        if (!running.has(name)) this.skip()
      })
      define(name, () => running.get(name) as ExampleProcess)
    })
  }

  after(async function () {
    this.timeout(HOOK_MILLIS)
    for (const example of running.values()) example.interrupt()
    for (const [name, example] of running) {
      expect(await example.end(), `exit code of ${name}: ${example.output}`).to.equal(0)
      expect(await namesWith(example.prefix), `left behind by ${name}`).to.deep.equal([])
    }
  })
}

/** False, which is said loudly, where an example needs a Redis and there is none. */
export function canRun(name: string): boolean {
  if (!EXAMPLES.get(name)?.needsRedis || process.env.TENANT_KNEX_REDIS_URL) return true
  if (process.env.CI) throw new Error('No Redis. Run the tests with `npm test`.')
  say(`NO REDIS for the test of the example ${name}`)
  return false
}
