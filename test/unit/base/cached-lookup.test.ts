import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { CachedLookup, type LookupNature } from '../../../src/base/cached-lookup.ts'
import {
  LOOKUP_DEFAULTS,
  type LookupOptions,
  resolveLookupOptions,
} from '../../../src/base/lookup-options.ts'
import { withClockAhead } from '../../support/clock.ts'
import { rejection, thrown, until } from '../../support/tenants.ts'

const { ttlMillis, negativeTtlMillis, staleMillis } = LOOKUP_DEFAULTS
/** Longer than the pause after a failure. */
const RETRY_MILLIS = 1_000

describe('a cached look-up', () => {
  describe('that knows a key', () => {
    it('is asked once, and has the value at hand after that', async () => {
      const { lookup, asked } = scripted(['db_a'])
      expect(lookup.peek('a')).to.equal(undefined)
      expect(await lookup.get('a')).to.equal('db_a')
      expect(await lookup.get('a')).to.equal('db_a')
      expect(lookup.peek('a')).to.equal('db_a')
      expect(asked).to.deep.equal(['a'])
    })

    it('is asked again when the time to live is over', async () => {
      const { lookup, asked } = scripted(['db_a', 'db_b'])
      await lookup.get('a')
      await withClockAhead(ttlMillis - 1_000, async () => {
        expect(lookup.peek('a')).to.equal('db_a')
      })
      await withClockAhead(ttlMillis, async () => {
        expect(lookup.peek('a')).to.equal(undefined)
        expect(await lookup.get('a')).to.equal('db_b')
      })
      expect(asked).to.have.length(2)
    })

    it('may be synchronous', async () => {
      const lookup = cached((key) => `db_${key}`)
      expect(await lookup.get('a')).to.equal('db_a')
    })

    it('keeps nothing with a time to live of 0', async () => {
      const { lookup, asked } = scripted(['db_a', 'db_b'], { ttlMillis: 0 })
      expect([await lookup.get('a'), await lookup.get('a')]).to.deep.equal(['db_a', 'db_b'])
      expect(asked).to.have.length(2)
    })
  })

  describe('that knows nothing of a key', () => {
    for (const nothing of [null, undefined]) {
      it(`by ${nothing}, is asked again after the shorter time`, async () => {
        const { lookup, asked } = scripted([nothing, 'db_a'])
        expect(await lookup.get('a')).to.equal(null)
        expect(lookup.peek('a')).to.equal(null)
        expect(await lookup.get('a')).to.equal(null)
        expect(asked).to.have.length(1)
        await withClockAhead(negativeTtlMillis, async () => {
          expect(await lookup.get('a')).to.equal('db_a')
        })
      })
    }

    it('does not go on with an old value', async () => {
      const { lookup } = scripted(['db_a', null])
      await lookup.get('a')
      await withClockAhead(ttlMillis, async () => {
        expect(await lookup.get('a')).to.equal(null)
        expect(lookup.peek('a')).to.equal(null)
      })
    })

    it('does not push out what it knows', async () => {
      const asked: string[] = []
      const lookup = cached(
        (key) => {
          asked.push(key)
          return key === 'a' ? 'db_a' : null
        },
        { max: 2 },
      )
      await lookup.get('a')
      for (let made = 0; made < 10; made++) await lookup.get(`made-up-${made}`)
      expect(lookup.peek('a')).to.equal('db_a')
      expect(lookup.peek('made-up-0')).to.equal(undefined)
      expect(lookup.peek('made-up-9')).to.equal(null)
      expect(asked).to.have.length(11)
    })
  })

  it('keeps the values that were used last, up to the bound', async () => {
    const lookup = cached((key) => `db_${key}`, { max: 2 })
    await lookup.get('a')
    await lookup.get('b')
    lookup.peek('a')
    await lookup.get('c')
    expect(['a', 'b', 'c'].map((key) => lookup.peek(key))).to.deep.equal([
      'db_a',
      undefined,
      'db_c',
    ])
  })

  describe('when many ask at the same time', () => {
    it('is asked once for each key', async () => {
      const { lookup, asked, answer } = held()
      const all = Promise.all(Array.from({ length: 20 }, (_, i) => lookup.get(i % 2 ? 'a' : 'b')))
      await turn()
      expect(asked.sort()).to.deep.equal(['a', 'b'])
      answer('a', 'db_a')
      answer('b', 'db_b')
      expect(new Set(await all)).to.deep.equal(new Set(['db_a', 'db_b']))
    })

    it('gives each an error of its own where it fails', async () => {
      const { lookup, asked, fail } = held()
      const cause = new Error('down')
      const all = Array.from({ length: 3 }, () => rejection(lookup.get('a')))
      await turn()
      fail('a', cause)
      const errors = await Promise.all(all)
      expect(asked).to.deep.equal(['a'])
      expect(new Set(errors).size).to.equal(3)
      for (const error of errors) {
        expect(error).to.include({ code: 'ERR_LOOKUP_FAILED', outcome: 'not-sent', cause })
        expect(error.message).to.equal(
          'The test’s look-up failed for "a": it threw (see `cause`). It is asked again after 1000 ms.',
        )
      }
    })

    it('runs outside the scope of whoever asked first', async () => {
      const scope = new AsyncLocalStorage<string>()
      const seen: (string | undefined)[] = []
      const lookup = cached(async () => {
        seen.push(scope.getStore())
        await turn()
        seen.push(scope.getStore())
        return 'db'
      })
      await scope.run('tenant a', async () => {
        await lookup.get('a')
        expect(scope.getStore()).to.equal('tenant a')
      })
      expect(seen).to.deep.equal([undefined, undefined])
    })

    it('may look at the cache itself', async () => {
      const lookup: CachedLookup<string> = cached((key) => (key === 'a' ? 'db_a' : lookup.get('a')))
      expect(await lookup.get('b')).to.equal('db_a')
    })

    it('keeps nobody waiting for ever where it waits for itself', async () => {
      const lookup: CachedLookup<string> = cached((key) => lookup.get(key), { timeoutMillis: 20 })
      const error = await rejection(lookup.get('a'))
      expect(error.message).to.include('it did not answer within 20 ms')
    })
  })

  describe('that is down', () => {
    for (const [how, down] of [
      [
        'throws',
        () => {
          throw new Error('down')
        },
      ],
      ['rejects', () => Promise.reject(new Error('down'))],
      ['rejects with nothing', () => Promise.reject(undefined)],
    ] as const) {
      it(`and ${how}, at the start, says so, and is left alone for a second`, async () => {
        let runs = 0
        let isDown = true
        const lookup = cached((key) => {
          runs++
          return isDown ? down() : `db_${key}`
        })
        expect(await rejection(lookup.get('a'))).to.include({ code: 'ERR_LOOKUP_FAILED' })
        isDown = false
        expect(await rejection(lookup.get('a'))).to.include({ code: 'ERR_LOOKUP_FAILED' })
        expect(runs).to.equal(1)
        expect(await lookup.get('b')).to.equal('db_b')
        await withClockAhead(RETRY_MILLIS, async () => {
          expect(await lookup.get('a')).to.equal('db_a')
        })
      })
    }

    it('later, goes on with an old value as long as that may be used', async () => {
      const { lookup, asked } = scripted(['db_a', new Error('down'), new Error('down')])
      await lookup.get('a')
      await withClockAhead(ttlMillis, async () => {
        expect(await lookup.get('a')).to.equal('db_a')
        expect(lookup.peek('a')).to.equal('db_a')
        expect(await lookup.get('a')).to.equal('db_a')
        expect(asked).to.have.length(2)
      })
      await withClockAhead(ttlMillis + staleMillis, async () => {
        expect(await rejection(lookup.get('a'))).to.include({ code: 'ERR_LOOKUP_FAILED' })
        expect(lookup.peek('a')).to.equal(undefined)
      })
      expect(asked).to.have.length(3)
    })

    it('does not go on for longer because it was asked shortly before the end', async () => {
      const { lookup, asked } = scripted(['db_a', new Error('down'), new Error('down')])
      await lookup.get('a')
      await withClockAhead(ttlMillis + staleMillis - RETRY_MILLIS / 2, async () => {
        expect(await lookup.get('a')).to.equal('db_a')
      })
      await withClockAhead(ttlMillis + staleMillis, async () => {
        expect(lookup.peek('a')).to.equal(undefined)
        expect(await rejection(lookup.get('a'))).to.include({ code: 'ERR_LOOKUP_FAILED' })
      })
      expect(asked).to.have.length(3)
    })

    it('later, does not go on where nothing was known', async () => {
      const { lookup } = scripted([null, new Error('down')])
      await lookup.get('a')
      await withClockAhead(negativeTtlMillis, async () => {
        expect(await rejection(lookup.get('a'))).to.include({ code: 'ERR_LOOKUP_FAILED' })
      })
    })

    it('is tried again by one, while the others have the old value', async () => {
      const { lookup, asked, answer, fail } = held()
      const first = lookup.get('a')
      await turn()
      answer('a', 'db_a')
      await first
      await withClockAhead(ttlMillis, async () => {
        const failing = lookup.get('a')
        await turn()
        fail('a', new Error('down'))
        expect(await failing).to.equal('db_a')
      })
      await withClockAhead(ttlMillis + RETRY_MILLIS * 2, async () => {
        const trying = lookup.get('a')
        await turn()
        expect(asked).to.have.length(3)
        expect(lookup.peek('a')).to.equal('db_a')
        answer('a', 'db_b')
        expect(await trying).to.equal('db_b')
        expect(lookup.peek('a')).to.equal('db_b')
      })
    })
  })

  describe('that does not answer', () => {
    it('keeps nobody waiting longer than the time', async () => {
      const { lookup } = held({ timeoutMillis: 20 })
      const error = await rejection(lookup.get('a'))
      expect(error).to.include({ code: 'ERR_LOOKUP_FAILED' })
      expect(error.message).to.include('it did not answer within 20 ms')
    })

    it('goes on with an old value', async () => {
      const { lookup, answer } = held({ timeoutMillis: 20 })
      const first = lookup.get('a')
      await turn()
      answer('a', 'db_a')
      await first
      await withClockAhead(ttlMillis, async () => {
        expect(await lookup.get('a')).to.equal('db_a')
      })
    })

    it('may still answer later, for those who come then', async () => {
      const { lookup, asked, answer } = held({ timeoutMillis: 20 })
      await rejection(lookup.get('a'))
      answer('a', 'db_a')
      await until('the late answer', () => lookup.peek('a') === 'db_a')
      expect(asked).to.have.length(1)
    })

    it('may still fail later, unheard', async () => {
      const { lookup, fail } = held({ timeoutMillis: 20 })
      await rejection(lookup.get('a'))
      fail('a', new Error('down'))
      await turn()
      expect(lookup.peek('a')).to.equal(undefined)
    })

    it('is not believed where it answers after forget()', async () => {
      const { lookup, answer } = held({ timeoutMillis: 20 })
      await rejection(lookup.get('a'))
      lookup.forget('a')
      answer('a', 'db_a')
      await turn()
      expect(lookup.peek('a')).to.equal(undefined)
    })

    it('is not believed where it answers after a newer answer', async () => {
      const { lookup, answer } = held({ timeoutMillis: 20 })
      await rejection(lookup.get('a'))
      await withClockAhead(RETRY_MILLIS, async () => {
        const second = lookup.get('a')
        await turn()
        answer('a', 'newer', 1)
        expect(await second).to.equal('newer')
        answer('a', 'older', 0)
        await turn()
        expect(lookup.peek('a')).to.equal('newer')
      })
    })

    it('is heard where it answered while this process was busy', async () => {
      const lookup = cached(() => turn('db_a'), { timeoutMillis: 1 })
      const value = lookup.get('a')
      const until = Date.now() + 20
      while (Date.now() < until);
      expect(await value).to.equal('db_a')
    })
  })

  describe('that gives rubbish', () => {
    const nature: LookupNature = {
      problemOf: (value) => (typeof value === 'string' ? undefined : 'it gave no string'),
      about: (key) => ({ tenant: key }),
    }

    it('is taken to have failed', async () => {
      const { lookup } = scripted([42, { secret: 'row' }], {}, nature)
      const error = await rejection(lookup.get('a'))
      expect(error).to.include({ code: 'ERR_LOOKUP_FAILED', tenant: 'a' })
      expect(error.message).to.include('it gave no string')
      expect((await rejection(lookup.get('b'))).message).to.not.include('row')
    })

    it('may still say that there is nothing', async () => {
      const { lookup } = scripted([null], {}, nature)
      expect(await lookup.get('a')).to.equal(null)
    })

    it('goes on with an old value', async () => {
      const { lookup } = scripted(['db_a', 42], {}, nature)
      await lookup.get('a')
      await withClockAhead(ttlMillis, async () => {
        expect(await lookup.get('a')).to.equal('db_a')
      })
    })

    it('late, is not kept', async () => {
      const { lookup, answer } = held({ timeoutMillis: 20 }, nature)
      await rejection(lookup.get('a'))
      answer('a', 42)
      await turn()
      expect(lookup.peek('a')).to.equal(undefined)
    })
  })

  describe('forget()', () => {
    it('makes the next one ask', async () => {
      const { lookup } = scripted(['db_a', 'db_b', null, 'db_c'])
      await lookup.get('a')
      lookup.forget('a')
      expect(lookup.peek('a')).to.equal(undefined)
      expect(await lookup.get('a')).to.equal('db_b')
      lookup.forget('a')
      expect(await lookup.get('a')).to.equal(null)
      lookup.forget('a')
      expect(await lookup.get('a')).to.equal('db_c')
    })

    it('leaves no old value for a look-up that is down', async () => {
      const { lookup } = scripted(['db_a', new Error('down')])
      await lookup.get('a')
      lookup.forget('a')
      expect(await rejection(lookup.get('a'))).to.include({ code: 'ERR_LOOKUP_FAILED' })
    })

    it('outdates what is being asked for', async () => {
      const { lookup, asked, answer } = held()
      const before = lookup.get('a')
      await turn()
      lookup.forget('a')
      const after = lookup.get('a')
      await turn()
      expect(asked).to.have.length(2)
      answer('a', 'older', 0)
      expect(await before).to.equal('older')
      expect(lookup.peek('a')).to.equal(undefined)
      answer('a', 'newer', 1)
      expect(await after).to.equal('newer')
      expect(lookup.peek('a')).to.equal('newer')
    })

    it('is not undone by an older question that is answered last', async () => {
      const { lookup, answer } = held()
      const before = lookup.get('a')
      await turn()
      lookup.forget('a')
      const after = lookup.get('a')
      await turn()
      answer('a', 'newer', 1)
      await after
      answer('a', 'older', 0)
      await before
      expect(lookup.peek('a')).to.equal('newer')
    })
  })
})

describe('the options of look-ups', () => {
  it('are the defaults where they are left out', () => {
    expect(resolveLookupOptions({})).to.deep.equal(LOOKUP_DEFAULTS)
    expect(Object.isFrozen(LOOKUP_DEFAULTS)).to.equal(true)
  })

  for (const [given, message] of [
    [{ ttl: 1 }, 'Unknown option `lookup.ttl`'],
    [{ ttlMillis: -1 }, '`lookup.ttlMillis` must be a whole number from 0'],
    [{ negativeTtlMillis: 1.5 }, '`lookup.negativeTtlMillis`'],
    [{ staleMillis: '1' }, '`lookup.staleMillis`'],
    [{ timeoutMillis: 0 }, '`lookup.timeoutMillis` must be a whole number from 1'],
    [{ max: 0 }, '`lookup.max` must be a whole number from 1'],
    [[], 'must be an object'],
  ] as const) {
    it(`are refused where they are ${JSON.stringify(given)}`, () => {
      const error = thrown(() => resolveLookupOptions(given as LookupOptions, 'lookup.'))
      expect(error).to.include({ code: 'ERR_OPTION_INVALID' })
      expect(error.message).to.include(message)
    })
  }
})

type Answered = string | null | undefined

function cached(
  fn: (key: string) => Answered | Promise<Answered>,
  options: LookupOptions = {},
  nature?: LookupNature,
): CachedLookup<string> {
  return new CachedLookup('The test’s look-up', fn, resolveLookupOptions(options), nature)
}

/** A look-up that gives one answer after the other; an error is thrown. */
function scripted(
  answers: readonly unknown[],
  options?: LookupOptions,
  nature?: LookupNature,
): { lookup: CachedLookup<string>; asked: string[] } {
  const asked: string[] = []
  const next = async (key: string): Promise<Answered> => {
    const answer = answers[asked.push(key) - 1]
    if (answer instanceof Error) throw answer
    return answer as Answered
  }
  return { lookup: cached(next, options, nature), asked }
}

/** A look-up that answers when it is told to: the last question of a key, or the one with a number. */
function held(
  options?: LookupOptions,
  nature?: LookupNature,
): {
  lookup: CachedLookup<string>
  asked: string[]
  answer: (key: string, value: unknown, at?: number) => void
  fail: (key: string, error: Error) => void
} {
  const asked: string[] = []
  const questions = new Map<
    string,
    { resolve: (value: Answered) => void; reject: (e: Error) => void }[]
  >()
  const ask = (key: string): Promise<Answered> =>
    new Promise((resolve, reject) => {
      asked.push(key)
      questions.set(key, [...(questions.get(key) ?? []), { resolve, reject }])
    })
  return {
    lookup: cached(ask, options, nature),
    asked,
    answer: (key, value, at = -1) =>
      questions
        .get(key)
        ?.at(at)
        ?.resolve(value as Answered),
    fail: (key, error) => questions.get(key)?.at(-1)?.reject(error),
  }
}
