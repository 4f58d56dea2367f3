import { expect } from 'chai'
import { PoolEvents } from '../../../src/pool/pool-view.ts'
import { Reaper } from '../../../src/pool/reaper.ts'
import { until } from '../../support/tenants.ts'

interface Connection {
  readonly name: string
  readonly usedAt: number
}

/** A pool with idle connections that were used so many milliseconds ago, and some in use. */
class Pool {
  waiting = 0
  opening = 0
  used: number
  readonly dropped: string[] = []
  #looks = 0
  readonly events = new PoolEvents()
  readonly told: string[] = []
  readonly #reaper: Reaper<Connection>
  #idle: Connection[]

  constructor(ages: Readonly<Record<string, number>>, used = 0, min = 0) {
    const now = performance.now()
    this.#idle = Object.entries(ages).map(([name, age]) => ({ name, usedAt: now - age }))
    this.used = used
    const options = { min, idleTimeoutMillis: 10_000, reapIntervalMillis: 5 }
    this.#reaper = new Reaper(options, this, this.events)
    const view = this.events.viewOf({ numUsed: 0, numIdle: 0, waiting: 0, opening: 0, probing: 0 })
    for (const event of ['startReaping', 'stopReaping'] as const) {
      view.on(event, () => this.told.push(event))
    }
  }

  get size(): number {
    return this.#idle.length + this.used
  }

  idle(): Connection[] {
    return this.#idle
  }

  drop(connections: readonly Connection[]): void {
    this.#idle = this.#idle.filter((one) => !connections.includes(one))
    this.dropped.push(...connections.map(({ name }) => name))
    this.#looks++
  }

  /** Lets the reaper look twice, and returns what it has closed. */
  async reap(): Promise<string[]> {
    this.#reaper.start()
    this.#reaper.start()
    await until('it has looked', () => this.#looks >= 2)
    expect(this.told).to.deep.equal(['startReaping'])
    this.#reaper.stop()
    return this.dropped
  }

  /** Resolves when the reaper has stopped by itself. */
  async stops(): Promise<void> {
    this.#reaper.start()
    await until('it stops', () => this.told.includes('stopReaping'))
  }
}

describe('a reaper', () => {
  it('closes what has been idle for the time, and nothing else', async () => {
    const pool = new Pool({ old: 20_000, atTheLimit: 10_000, young: 9_000 })
    expect(await pool.reap()).to.deep.equal(['old', 'atTheLimit'])
  })

  it('leaves the least number of connections open, of which the used ones count', async () => {
    expect(await new Pool({ a: 30_000, b: 20_000 }, 0, 1).reap()).to.deep.equal(['a'])
    expect(await new Pool({ a: 30_000, b: 20_000 }, 1, 1).reap()).to.deep.equal(['a', 'b'])
    expect(await new Pool({ a: 30_000, b: 20_000 }, 0, 3).reap()).to.deep.equal([])
  })

  it('closes the one that has been idle longest first', async () => {
    const pool = new Pool({ oldest: 30_000, older: 20_000, old: 15_000 }, 0, 2)
    expect(await pool.reap()).to.deep.equal(['oldest'])
  })

  it('stops by itself when the pool is empty, and says so', async () => {
    const pool = new Pool({ a: 30_000 })
    await pool.stops()
    expect(pool.told).to.deep.equal(['startReaping', 'stopReaping'])
    expect(pool.dropped).to.deep.equal(['a'])
  })

  for (const what of ['used', 'waiting', 'opening'] as const) {
    it(`goes on as long as something is ${what}`, async () => {
      const pool = new Pool({ a: 30_000 })
      pool[what] = 1
      expect(await pool.reap()).to.deep.equal(['a'])
    })
  }
})
