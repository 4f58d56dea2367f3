import { expect } from 'chai'
import type { Verdict } from '../../../../src/connection/hidden-code/verdict.ts'
import {
  BATCH,
  GATHER_MILLIS,
  MAX_PAUSE_MILLIS,
  PAUSE_MILLIS,
} from '../../../../src/pool/hidden-code/inspections.ts'
import {
  MISSING_REFRESH_MILLIS,
  PlainDatabases,
  RECHECK_MILLIS,
  REFRESH_MILLIS,
} from '../../../../src/pool/hidden-code/plain-databases.ts'
import { RecentMap } from '../../../../src/pool/hidden-code/recent-map.ts'

interface Asked {
  readonly databases: readonly string[]
  answer(verdict?: Verdict | ((database: string) => Verdict)): Promise<void>
  fail(): Promise<void>
}

/** Databases whose server answers when the test says so, with a clock of the test's. */
class Trial {
  time = 1_000
  readonly asked: Asked[] = []
  readonly plain = new PlainDatabases(
    (databases) =>
      new Promise((resolve, reject) => {
        const settle = async (act: () => void): Promise<void> => {
          act()
          await gathered()
        }
        this.asked.push({
          databases,
          answer: (verdict = 'plain') => {
            const of = typeof verdict === 'string' ? () => verdict : verdict
            return settle(() => resolve(new Map(databases.map((name) => [name, of(name)]))))
          },
          fail: () => settle(() => reject(new Error('unreachable'))),
        })
      }),
    () => this.time,
  )

  /** Asks for databases, and waits until the server is asked. */
  async use(...databases: string[]): Promise<Asked | undefined> {
    const before = this.asked.length
    for (const database of databases) this.plain.isPlain(database)
    await gathered()
    return this.asked[before]
  }

  /** Makes a database plain. */
  async know(database: string): Promise<void> {
    await (await this.use(database))?.answer()
    expect(this.plain.isPlain(database)).to.equal(true)
  }
}

/** Longer than a batch gathers. */
const gathered = () => new Promise((resolve) => setTimeout(resolve, GATHER_MILLIS + 10))

describe('the plain databases of a server', () => {
  it('are not known before the server has said so, and are asked for together', async () => {
    const { plain, asked } = new Trial()
    expect(['a', 'b', 'a'].map((name) => plain.isPlain(name))).to.deep.equal([false, false, false])
    await gathered()
    expect(asked.map(({ databases }) => databases)).to.deep.equal([['a', 'b']])
    expect(plain.isPlain('a')).to.equal(false)
    await asked[0]?.answer((name) => (name === 'a' ? 'plain' : 'views'))
    expect([plain.isPlain('a'), plain.isPlain('b')]).to.deep.equal([true, false])
    expect(asked).to.have.lengthOf(1)
  })

  it('are asked for in batches, one at a time', async () => {
    const trial = new Trial()
    const names = Array.from({ length: BATCH + 1 }, (_, number) => `t${number}`)
    const first = await trial.use(...names)
    expect(first?.databases).to.have.lengthOf(BATCH)
    await trial.use('late')
    expect(trial.asked).to.have.lengthOf(1)
    await first?.answer()
    expect(trial.asked[1]?.databases).to.deep.equal([`t${BATCH}`, 'late'])
  })

  it('are plain for a limited time, which begins with the inspection', async () => {
    const trial = new Trial()
    const asked = await trial.use('a')
    trial.time += 1_000
    await asked?.answer()
    trial.time += RECHECK_MILLIS - 1_001
    expect(trial.plain.isPlain('a')).to.equal(true)
    trial.time += 1
    expect(trial.plain.isPlain('a')).to.equal(false)
  })

  it('are asked for again before the time is over', async () => {
    const trial = new Trial()
    await trial.know('a')
    trial.time += REFRESH_MILLIS - 1
    expect(await trial.use('a')).to.equal(undefined)
    trial.time += 1
    const again = await trial.use('a')
    expect(again?.databases).to.deep.equal(['a'])
    expect(trial.plain.isPlain('a')).to.equal(true)
    await again?.answer('triggers')
    expect(trial.plain.isPlain('a')).to.equal(false)
  })

  it('are asked for sooner if they are missing', async () => {
    const trial = new Trial()
    await (await trial.use('a'))?.answer('missing')
    trial.time += MISSING_REFRESH_MILLIS
    await (await trial.use('a'))?.answer()
    expect(trial.plain.isPlain('a')).to.equal(true)
  })

  it('are not plain if the answer leaves them out', async () => {
    const plain = new PlainDatabases(async () => new Map())
    plain.isPlain('a')
    await gathered()
    expect(plain.isPlain('a')).to.equal(false)
    expect(plain.switching('unseen', 9)).to.deep.equal(['a'])
  })

  it('are not plain while a definition runs, nor before an inspection after it', async () => {
    const trial = new Trial()
    await trial.know('a')
    await trial.know('b')
    const end = trial.plain.onDefinition('a')
    expect([trial.plain.isPlain('a'), trial.plain.isPlain('b')]).to.deep.equal([false, true])
    expect(await trial.use('a')).to.equal(undefined)
    end()
    expect(trial.plain.isPlain('a')).to.equal(false)
    await gathered()
    await trial.asked.at(-1)?.answer()
    expect(trial.plain.isPlain('a')).to.equal(true)
    end() // tells nothing
    expect(trial.plain.isPlain('a')).to.equal(true)
  })

  it('do not go by an inspection that began before a definition, or while it ran', async () => {
    for (const isKnown of [true, false]) {
      const trial = new Trial()
      if (isKnown) await trial.know('a')
      trial.time += REFRESH_MILLIS
      const before = await trial.use('a')
      const end = trial.plain.onDefinition('a')
      await before?.answer()
      expect(trial.plain.isPlain('a')).to.equal(false)
      trial.time += 1
      end()
      await gathered()
      expect(trial.asked).to.have.lengthOf(isKnown ? 3 : 2)
    }
    const trial = new Trial()
    await trial.know('a')
    trial.time += REFRESH_MILLIS
    const before = await trial.use('a')
    trial.plain.onDefinition('a')()
    await before?.answer()
    expect(trial.plain.isPlain('a')).to.equal(false)
    await trial.asked.at(-1)?.answer()
    expect(trial.plain.isPlain('a')).to.equal(true)
  })

  it('do not go by an inspection that was asked for before a definition and began while it ran', async () => {
    const trial = new Trial()
    trial.plain.isPlain('a')
    const end = trial.plain.onDefinition('a')
    await gathered()
    await trial.asked[0]?.answer()
    expect(trial.plain.isPlain('a')).to.equal(false)
    end()
    expect(trial.plain.isPlain('a')).to.equal(false)
    trial.plain.stop()
  })

  it('wait for the last of several definitions', async () => {
    const trial = new Trial()
    await trial.know('a')
    const ends = [trial.plain.onDefinition('a'), trial.plain.onDefinition('a')]
    ends[0]?.()
    ends[0]?.()
    expect(await trial.use('a')).to.equal(undefined)
    ends[1]?.()
    await gathered()
    await trial.asked.at(-1)?.answer()
    expect(trial.plain.isPlain('a')).to.equal(true)
  })

  it('are not plain during a definition that began before they were first used', async () => {
    const trial = new Trial()
    const end = trial.plain.onDefinition('a')
    expect(await trial.use('a')).to.equal(undefined)
    end()
    await gathered()
    await trial.asked.at(-1)?.answer()
    expect(trial.plain.isPlain('a')).to.equal(true)
  })

  it('are left alone for a while after a failure, longer each time', async () => {
    const trial = new Trial()
    let pause = PAUSE_MILLIS
    for (let failures = 0; failures < 10; failures++) {
      await (await trial.use('a', 'b'))?.fail()
      trial.time += pause - 1
      expect(await trial.use('a')).to.equal(undefined)
      trial.time += 1
      pause = Math.min(2 * pause, MAX_PAUSE_MILLIS)
    }
    await (await trial.use('a'))?.answer()
    expect(trial.plain.isPlain('a')).to.equal(true)
    await (await trial.use('b'))?.fail()
    trial.time += PAUSE_MILLIS
    expect(await trial.use('b')).to.not.equal(undefined)
  })

  it('keep what is known through failures, until it is too old', async () => {
    const trial = new Trial()
    await trial.know('a')
    trial.time += REFRESH_MILLIS
    await (await trial.use('a'))?.fail()
    expect(trial.plain.isPlain('a')).to.equal(true)
    trial.time += RECHECK_MILLIS - REFRESH_MILLIS
    expect(trial.plain.isPlain('a')).to.equal(false)
  })

  it('are asked for no more after the end, and an answer does not count', async () => {
    const trial = new Trial()
    const asked = await trial.use('a')
    trial.plain.isPlain('b')
    trial.plain.stop()
    await asked?.answer()
    expect(trial.plain.isPlain('a')).to.equal(false)
    await gathered()
    expect(trial.asked).to.have.lengthOf(1)
  })

  it('take back the word that statements were sent on, and give a new one', async () => {
    const trial = new Trial()
    await (await trial.use('a'))?.answer()
    const word = trial.plain.plainness('a')
    expect(word).to.deep.equal({ isPlain: true })
    trial.plain.onDefinition('a')()
    expect(word).to.deep.equal({ isPlain: false })
    await (await trial.use('a'))?.answer()
    expect(trial.plain.plainness('a')).to.deep.equal({ isPlain: true })
    expect(word, 'the old one stays taken back').to.deep.equal({ isPlain: false })
  })

  it('take back the word if the server says something else later', async () => {
    const trial = new Trial()
    await (await trial.use('a'))?.answer()
    const word = trial.plain.plainness('a')
    trial.time += REFRESH_MILLIS
    await (await trial.use('a'))?.answer('views')
    expect(word).to.deep.equal({ isPlain: false })
    expect(trial.plain.isPlain('a')).to.equal(false)
  })

  it('are asked for again after an error puts one in doubt', async () => {
    const trial = new Trial()
    await (await trial.use('a'))?.answer()
    trial.plain.doubt('a')
    expect(trial.plain.isPlain('a')).to.equal(false)
    await (await trial.use('a'))?.answer()
    expect(trial.plain.isPlain('a')).to.equal(true)
  })

  it('are counted, with the reasons of the others', async () => {
    const trial = new Trial()
    const reasons: Record<string, Verdict> = { a: 'plain', b: 'views', c: 'views', d: 'unseen' }
    await (await trial.use('a', 'b', 'c', 'd'))?.answer((name) => reasons[name] ?? 'plain')
    trial.plain.isPlain('e')
    const { plain, unknown, switching } = trial.plain.report()
    expect({ plain, unknown }).to.deep.equal({ plain: 1, unknown: 1 })
    expect(switching).to.include({ views: 2, unseen: 1, triggers: 0 })
    expect(trial.plain.switching('views', 9)).to.deep.equal(['b', 'c'])
    expect(trial.plain.switching('views', 1)).to.deep.equal(['b'])
    expect(trial.plain.switching('unseen', 9)).to.deep.equal(['d'])
    trial.time += RECHECK_MILLIS
    expect(trial.plain.report()).to.deep.include({ plain: 0, unknown: 5 })
    trial.plain.stop()
  })

  it('are right after any sequence of events', async () => {
    const runs = Array.from({ length: 300 }, (_, number) => randomRun(number + 1))
    const timesPlain = await Promise.all(runs)
    expect(Math.max(...timesPlain)).to.be.above(0)
  })
})

/** A server's truth changes only while a definition runs. A database may be plain only if it is in truth. */
async function randomRun(seed: number): Promise<number> {
  let timesPlain = 0
  let state = seed
  const random = (count: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % count
  }
  const truth = new Map<string, Verdict>()
  const now = { time: 0 }
  const answers: (() => void)[] = []
  const plain = new PlainDatabases(
    (databases) => {
      const said = new Map(databases.map((name) => [name, truth.get(name) ?? 'plain'] as const))
      return new Promise((resolve, reject) =>
        answers.push(() => (random(8) === 0 ? reject(new Error('lost')) : resolve(said))),
      )
    },
    () => now.time,
  )
  const ends: (() => void)[] = []
  for (let step = 0; step < 80; step++) {
    const database = `t${random(3)}`
    const event = random(6)
    if (event === 0) {
      const end = plain.onDefinition(database)
      const change = () => truth.set(database, random(2) === 0 ? 'plain' : 'triggers')
      change()
      ends.push(() => {
        change()
        end()
      })
    } else if (event === 1) ends.splice(random(ends.length || 1), 1)[0]?.()
    else if (event === 2) answers.shift()?.()
    else if (event === 3) now.time += random(REFRESH_MILLIS)
    await (random(3) === 0 ? gathered() : Promise.resolve())
    for (const name of ['t0', 't1', 't2']) {
      if (!plain.isPlain(name)) continue
      timesPlain++
      expect(truth.get(name) ?? 'plain', `seed ${seed}`).to.equal('plain')
    }
  }
  plain.stop()
  return timesPlain
}

describe('a map of what was used lately', () => {
  it('forgets what was not used between two turns', () => {
    const map = new RecentMap<number>(9)
    map.set('a', 1)
    map.set('b', 2)
    map.turn()
    expect(map.get('a')).to.equal(1)
    map.turn()
    expect([map.get('a'), map.get('b')]).to.deep.equal([1, undefined])
    expect([...map.entries()]).to.deep.equal([['a', 1]])
  })

  it('never holds more than twice what it may', () => {
    const map = new RecentMap<number>(10)
    for (let number = 0; number < 1_000; number++) {
      map.set(`k${number}`, number)
      map.get(`k${number - 5}`)
      const keys = [...map.entries()].map(([key]) => key)
      expect(keys.length).to.be.at.most(20)
      expect(new Set(keys).size).to.equal(keys.length)
    }
  })
})
