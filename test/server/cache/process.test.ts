import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { type OwnRedis, startOwnRedis } from '../../support/own-redis.ts'

const CHILD = fileURLToPath(new URL('support/lonely-process.ts', import.meta.url))

/** A loader that does not find the optional peer dependency. */
const WITHOUT_REDIS = asModule(`
  import { register } from 'node:module'
  register(${JSON.stringify(
    asModule(`
      export async function resolve(specifier, context, next) {
        if (!specifier.startsWith('@keyv/redis')) return next(specifier, context)
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
      }
    `),
  )})
`)

/** A process without a listener for errors. It runs the steps that it gets. */
interface Lonely {
  step(): Promise<unknown[]>
  /** Ends the process in good order. */
  end(): Promise<{ code: number | null; stderr: string }>
}

describe('given a process that listens to no errors', () => {
  let server: OwnRedis | undefined
  let child: ChildProcess | undefined

  before(async () => {
    server = await startOwnRedis()
  })
  after(() => server?.destroy())
  afterEach(() => void child?.kill('SIGKILL'))

  const start = (url: string, args: readonly string[] = []): Lonely => {
    const running = spawn(process.execPath, ['--import', 'tsx', ...args, CHILD, url])
    child = running
    const lines = createInterface(running.stdout)[Symbol.asyncIterator]()
    const stderr = text(running.stderr)
    const exit = once(running, 'exit')
    return {
      step: async () => {
        running.stdin.write('go\n')
        const { value, done } = await lines.next()
        if (done) throw new Error(`It has ended: ${await stderr}`)
        return JSON.parse(value)
      },
      end: async () => {
        running.stdin.write('end\n')
        const [code] = await exit
        return { code, stderr: await stderr }
      },
    }
  }

  it('when Redis dies and comes back, then it goes on, and ends by itself', async function () {
    if (server === undefined) return this.skip()
    await server.restart()
    const lonely = start(server.url)
    await lonely.step()
    expect((await lonely.step()).at(-1)).to.equal('computed')
    await server.kill()
    expectUnavailable(await lonely.step())
    expectUnavailable(await lonely.step())
    await server.restart()
    let [isSet] = await lonely.step()
    for (let attempt = 0; attempt < 60 && isSet !== true; attempt++) {
      await sleep(100)
      ;[isSet] = await lonely.step()
    }
    expect(isSet).to.equal(true)
    expect(await lonely.end()).to.deep.equal({ code: 0, stderr: '' })
  })

  it('when Redis was never there, then it goes on, and ends by itself', async function () {
    if (server === undefined) return this.skip()
    await server.kill()
    const lonely = start(server.url)
    expectUnavailable(await lonely.step())
    expect(await lonely.end()).to.deep.equal({ code: 0, stderr: '' })
  })

  it('when @keyv/redis is not installed, then each call says so, and it goes on', async () => {
    // Node 26 warns about `register`. Its replacement does not exist in Node 20.
    const args = ['--disable-warning=DEP0205', '--import', WITHOUT_REDIS]
    const lonely = start('redis://127.0.0.1:9', args)
    for (const said of [...(await lonely.step()), ...(await lonely.step())]) {
      expect(said).to.match(/^ERR_OPTION_INVALID: .*npm install @keyv\/redis/)
    }
    expect(await lonely.end()).to.deep.equal({ code: 0, stderr: '' })
  })
})

function expectUnavailable([set, got, deleted, cleared, remembered]: unknown[]): void {
  expect([set, got, remembered]).to.deep.equal([false, null, 'computed'])
  expect(deleted).to.match(/^ERR_CACHE_UNAVAILABLE: .*tenant "a"/)
  expect(cleared).to.match(/^ERR_CACHE_UNAVAILABLE: .*tenant "a"/)
}

function asModule(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`
}
