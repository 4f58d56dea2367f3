import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { drawBars, drawLines } from '../../benchmarks/report/chart.ts'
import { fillIn } from '../../benchmarks/report/readme.ts'
import type { Session } from '../../benchmarks/support/contender.ts'
import { databaseNames, dropDatabases } from '../../benchmarks/support/data.ts'
import { COLUMN_LISTS } from '../../benchmarks/support/operations.ts'
import { clients, type Popularity, type Traffic } from '../../benchmarks/support/traffic.ts'
import { runLoad, type Seen } from '../../benchmarks/support/turn.ts'
import { seededRandom } from '../../src/testing/random.ts'
import { read } from '../support/examples.ts'
import { type TestServer, testServers } from '../support/tenants.ts'

const TENANTS = 20

describe('given the benchmarks', () => {
  after(async () => {
    for (const { adminUrl } of testServers()) await dropDatabases(adminUrl)
  })

  // One on both servers, the others on one each in turn: nothing but the figures differs by server.
  const both = testServers()
  const one = [
    'goals',
    'mixes',
    'delay',
    'pieces',
    'footprint',
    'alternatives',
    'resources',
    'leaks',
  ]
  const runs: [string, TestServer[]][] = [...one, 'neighbours'].map((name, index) => [
    name,
    both.slice(index % both.length).slice(0, 1),
  ])
  for (const [name, servers] of [['overhead', both], ...runs] as typeof runs) {
    const where = servers.map((server) => server.name).join(' and ')
    it(`when ${name} runs on ${where}, then every row is right, and there is a table for each server`, async () => {
      const { code, output, errors } = await runBriefly(name, servers)
      expect(errors).to.equal('')
      expect(code).to.equal(0)
      for (const server of servers) expect(output).to.include(`${name}, on ${server.name} `)
      const tables = output.match(/^\|(?: - \|)+\n\| .*\d.* \|$/gm)
      expect(tables).to.have.length(servers.length)
    }).timeout(180_000)
  }

  it('when results are written into the README, then all of them are there already', () => {
    const page = read('benchmarks/README.md')
    expect(fillIn(page)).to.equal(page)
  })
})

describe('given clients of a benchmark', () => {
  it('when answers are right, then none is counted', async () => {
    const { operations, wrongRows, errors } = await seenOf((database) => answer(database))
    expect(operations, 'a request of five by each of four clients').to.be.at.least(20)
    expect({ wrongRows, errors }).to.deep.equal({ wrongRows: 0, errors: 0 })
  })

  it("when some answers are another tenant's, then these are counted", async () => {
    let others = 0
    const { wrongRows } = await seenOf((database) => async (operation) => {
      if (operation.kind === 'write' || operation.id > 25) return answer(database)(operation)
      others++
      return answer(database === 'bench_1' ? 'bench_2' : 'bench_1')(operation)
    })
    expect(others).to.be.above(0)
    expect(wrongRows).to.equal(others)
  })

  it("when a row holds what was written for another tenant, then it is counted as that one's", async () => {
    const written = await seenOf((database) => async (operation) => {
      const row = await answer(database)(operation)
      return row && { ...row, val: TENANTS }
    })
    expect(written.wrongRows).to.be.above(0)
  })

  it('when statements fail, then they are counted apart', async () => {
    const seen = await seenOf(() => () => Promise.reject(new Error('no such thing')))
    expect(seen).to.include({ operations: 0, wrongRows: 0, firstError: 'Error: no such thing' })
    expect(seen.errors).to.equal(seen.latencies.length)
  })

  it('when tenants are drawn by Zipf, then the first one comes twice as often as the second', () => {
    const [first = 0, second = 0, third = 0] = drawn('zipf')
    expect(first / second).to.be.closeTo(2, 0.2)
    expect(first / third).to.be.closeTo(3, 0.3)
  })

  it('when tenants are drawn uniformly, then each comes as often', () => {
    const counts = drawn('uniform')
    expect(Math.max(...counts) / Math.min(...counts)).to.be.below(1.3)
  })

  it('when they visit, then a tenant is asked for again and again', () => {
    const next = clients({ tenants: 1e6, popularity: 'visits', queriesPerRequest: 5 })(
      seededRandom(1),
    )
    const requests = Array.from({ length: 10_000 }, () => next())
    const visits = new Set(requests.map(({ tenant }) => tenant)).size
    expect(requests.length / visits).to.be.within(3, 10)
    const lengths = new Set(requests.map(({ queries }) => queries))
    expect([...lengths].sort()).to.deep.equal([1, 2, 3, 4, 5])
  })

  it('when half of the statements are raw SQL, then half go that way', async () => {
    let raw = 0
    const seen = await seenOf(
      (database) => answer(database),
      { raw: 0.5 },
      (database) => {
        return async (operation) => {
          raw++
          return answer(database)(operation)
        }
      },
    )
    expect(raw / seen.operations).to.be.within(0.2, 0.8)
    expect(seen).to.include({ wrongRows: 0, errors: 0 })
  })

  it('when requests are transactions, then each reads, and writes once at the end', async () => {
    const kinds: string[] = []
    const seen = await seenOf(
      (database) => async (operation) => {
        kinds.push(operation.kind)
        return answer(database)(operation)
      },
      { queriesPerRequest: 3, isTransaction: true },
    )
    expect(seen).to.include({ wrongRows: 0, errors: 0, operations: kinds.length })
    expect(seen.latencies).to.have.length(kinds.length / 3)
    expect(kinds.filter((kind) => kind === 'write')).to.have.length(kinds.length / 3)
  })

  it('when a contender does not send such requests, then this is an error', async () => {
    const { operations, firstError } = await seenOf(answer, { raw: 1 }).then(
      (seen) => seen,
      (error) => ({ operations: 0, firstError: String(error) }),
    )
    expect({ operations, firstError }).to.deep.equal({
      operations: 0,
      firstError: 'Error: This contender does not send such requests.',
    })
  })

  it('when they read, then with many lists of columns, each with what tells whose a row is', () => {
    expect(new Set(COLUMN_LISTS.map((columns) => columns.join())).size).to.be.at.least(25)
    for (const columns of COLUMN_LISTS) expect(columns).to.include.members(['id', 'tenant', 'val'])
  })
})

describe('given figures to draw', () => {
  const chart = {
    title: 'A title',
    subtitle: 'what was measured',
    categoryTitle: 'tenants',
    valueTitle: 'switches',
    categories: ['1', '10'],
    series: [{ name: 'a series', values: [{ lower: 1, median: 2, upper: 3 }, undefined] }],
    baseline: 1,
  }

  for (const draw of [drawBars, drawLines]) {
    it(`when ${draw.name} has drawn them, then it is an image with all words, the same each time`, () => {
      const svg = draw(chart)
      expect(svg).to.match(/^<svg /)
      for (const word of ['A title', 'what was measured', 'tenants', 'switches', 'a series']) {
        expect(svg).to.include(`>${word}</text>`)
      }
      expect(shapesOf(draw(chart))).to.equal(shapesOf(svg))
    })

    it(`when ${draw.name} has many names to explain, then each has a line and a colour of its own`, () => {
      const names = Array.from({ length: 8 }, (_, index) => `the ${index}th of many names`)
      const series = names.map((name) => ({ name, values: [1, 2] }))
      const svg = draw({ ...chart, series })
      expect(new Set(names.map((name) => heightOf(svg, name))).size).to.equal(names.length)
      const ofOne = coloursOf(draw({ ...chart, series: series.slice(0, 1) }))
      expect(coloursOf(svg).size - ofOne.size).to.equal(names.length - 1)
    })

    it(`when ${draw.name} has categories with long names, then these are broken to have room`, () => {
      const categories = ['1', '2', '3', '4'].map((digit) => `a long name for category ${digit}`)
      const svg = draw({ ...chart, categories })
      for (const name of categories) expect(svg).to.not.include(`>${name}</text>`)
    })
  }
})

async function runBriefly(name: string, servers: readonly TestServer[]) {
  const args = ['--expose-gc', '--import', 'tsx', `benchmarks/${name}.ts`, '--brief']
  const urlOf = (title: string) => servers.find((server) => server.name === title)?.adminUrl ?? ''
  const env = {
    ...process.env,
    TENANT_KNEX_MARIADB_URL: urlOf('MariaDB'),
    TENANT_KNEX_MYSQL_URL: urlOf('MySQL'),
  }
  const running = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(running, 'exit')
  const [output, errors] = await Promise.all([text(running.stdout), text(running.stderr)])
  return { code: (await ended)[0], output, errors }
}

/** What a tenant's own database would answer. */
function answer(database: string): Session {
  const val = Number(database.slice('bench_'.length))
  return async ({ kind, id }) => (kind === 'read' ? { id, tenant: database, val } : undefined)
}

function seenOf(
  session: (database: string) => Session,
  traffic: Partial<Traffic> = {},
  rawSession?: (database: string) => Session,
): Promise<Seen> {
  // As a database does, it leaves the event loop in between.
  const slowly = (database: string): Session => {
    const run = session(database)
    return async (operation) => {
      await new Promise((resolve) => setImmediate(resolve))
      return run(operation)
    }
  }
  return runLoad(
    {
      session: slowly,
      ...(rawSession ? { rawSession } : {}),
      transaction: (database, work) => work(slowly(database)),
      query: async () => [],
      close: async () => undefined,
    },
    {
      databases: databaseNames(TENANTS),
      floor: undefined,
      concurrency: 4,
      client: clients({
        tenants: TENANTS,
        popularity: 'uniform',
        queriesPerRequest: 5,
        ...traffic,
      }),
      seed: 7,
      millis: 50,
    },
  )
}

/** How often each tenant comes. */
function drawn(popularity: Popularity): number[] {
  const next = clients({ tenants: TENANTS, popularity, queriesPerRequest: 1 })(seededRandom(3))
  const counts = Array<number>(TENANTS).fill(0)
  for (let request = 0; request < 20_000; request++) {
    const { tenant } = next()
    counts[tenant] = (counts[tenant] as number) + 1
  }
  return counts
}

/** How far down a text is. */
function heightOf(svg: string, text: string): string | undefined {
  return new RegExp(`translate\\(\\S+ (\\S+)\\)"[^>]*>${text}</text>`).exec(svg)?.[1]
}

function coloursOf(svg: string): Set<string> {
  return new Set(svg.match(/#[\da-f]{6}/g))
}

/** Names of styles are numbered through. */
function shapesOf(svg: string): string {
  return svg.replace(/zr\d+-(cls|c)-?\d+/g, '')
}
