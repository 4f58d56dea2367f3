import { expect } from 'chai'
import { ExampleProcess } from './support/example-process.ts'
import { canRun } from './support/example-suite.ts'
import { databaseUrl, namesWith } from './support/left-behind.ts'

const END_MILLIS = 60_000

describe('examples that are scripts', () => {
  const running = new Map<string, ExampleProcess>()

  before(async () => {
    databaseUrl()
    for (const name of ['script', 'bullmq'].filter(canRun)) {
      running.set(name, await ExampleProcess.begin([name]))
    }
  })

  /** The lines that an example has written when it has ended well and has left nothing behind. */
  async function linesOf(example: ExampleProcess): Promise<string[]> {
    expect(await example.end(), example.output).to.equal(0)
    expect(await namesWith(example.prefix)).to.deep.equal([])
    return example.output.split('\n')
  }

  it('run for the tenant of the environment, and for all of them past one that fails', async function () {
    this.timeout(END_MILLIS)
    const lines = await linesOf(running.get('script') as ExampleProcess)
    expect(lines).to.include.members(['The authors of acme:', '  Wile E.: 2', '  Marvin: 1'])
    expect(lines).to.include.members(['The authors of globex:', '  Hank: 2', '  Frank: 2'])
    expect(lines).to.include.members([
      'acme: 3 notes to do',
      'initech: failed with ERR_TENANT_DATABASE_MISSING',
      'globex: 4 notes to do',
    ])
  })

  it('hand jobs over to BullMQ, which keep their tenant when they are tried again', async function () {
    this.timeout(END_MILLIS)
    const example = running.get('bullmq')
    if (!example) return this.skip()
    expect(await linesOf(example)).to.include.members([
      'acme: attempt 1 failed: the network is down',
      'globex: attempt 1 failed: the network is down',
      'acme has 4 notes now, the last is "Return the magnet"',
      'globex has 5 notes now, the last is "Buy the Denver Broncos"',
    ])
  })

  it('can be interrupted, and leave nothing behind', async function () {
    this.timeout(END_MILLIS)
    const example = await ExampleProcess.begin(['script'])
    await example.untilWritten('$ TENANT=acme')
    example.interrupt()
    expect((await linesOf(example)).join()).to.not.include('all-tenants')
  })
})
