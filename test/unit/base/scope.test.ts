import { executionAsyncResource } from 'node:async_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { outside, Scope } from '../../../src/base/scope.ts'

type Value = { readonly name: string }

const a: Value = { name: 'a' }
const b: Value = { name: 'b' }
const isNode24 = Number(process.versions.node.split('.')[0]) >= 24

/** How many storages Node 20 and 22 have noted on what runs now. */
const storages = (): number =>
  Object.getOwnPropertySymbols(executionAsyncResource()).filter(
    ({ description }) => description === 'kResourceStore',
  ).length

describe('given several scopes', () => {
  it('when they nest, then each has its own value, also in what follows', async () => {
    const [one, other] = [new Scope<Value>(), new Scope<Value>()]
    const seen = (): unknown[] => [one.current()?.name, other.current()?.name]
    await one.run(a, async () => {
      await other.run(b, async () => {
        await one.run(b, async () => {
          await nextTurn()
          expect(seen()).to.deep.equal(['b', 'b'])
        })
        expect(one.call(undefined, seen)).to.deep.equal([undefined, 'b'])
        expect(outside(seen)).to.deep.equal([undefined, undefined])
        expect(outside(() => other.call(a, seen))).to.deep.equal([undefined, 'a'])
        await nextTurn()
        expect(seen()).to.deep.equal(['a', 'b'])
      })
      expect(seen()).to.deep.equal(['a', undefined])
    })
    expect(seen()).to.deep.equal([undefined, undefined])
  })

  it('when they are in use, then Node has one storage for all, which it asks at every promise', async function () {
    if (isNode24) this.skip() // there a storage costs a promise nothing
    const run = (scopes: Scope<Value>[]): Promise<number> => {
      const [scope, ...rest] = scopes
      return scope ? scope.run(a, () => run(rest)) : Promise.resolve(storages())
    }
    const one = await run([new Scope()])
    expect(one).to.be.above(0)
    expect(await run([new Scope(), new Scope(), new Scope()])).to.equal(one)
  })

  it('when the module is loaded twice, then both copies have the same storage', async () => {
    const copy = (await import(
      `../../../src/base/scope.ts?${'copy'}`
    )) as typeof import('../../../src/base/scope.ts')
    expect(copy.Scope).not.to.equal(Scope)
    const one = new Scope<Value>()
    const other = new copy.Scope<Value>()
    const same = new copy.Scope<Value>(one as never)
    await one.run(a, () =>
      other.run(b, () => {
        expect([one, other, same].map((scope) => scope.current()?.name)).to.deep.equal([...'aba'])
      }),
    )
    const slot = one.enter()
    slot.value = b
    expect(same.current()).to.equal(b)
  })
})

describe('given a scope that is entered', () => {
  const scope = new Scope<Value>()
  const name = (): string | undefined => scope.current()?.name

  it('when it is left, then what was in scope before is again, and what others have stays', async () => {
    const other = new Scope<Value>()
    await scope.run(a, async () => {
      const leave = scope.enterWithin([], b)
      other.enter().value = b
      await nextTurn()
      expect(name()).to.equal('b')
      leave()
      expect(name()).to.equal('a')
      expect(other.current()).to.equal(b)
    })
    expect(name()).to.equal(undefined)
  })

  it('when a function that was called has left it, then its caller is where it was', async () => {
    const job = async (): Promise<void> => {
      const leave = scope.enterWithin([], b)
      await nextTurn()
      leave()
    }
    await scope.run(a, async () => {
      await job()
      expect(name()).to.equal('a')
    })
    await job()
    expect(name()).to.equal(undefined)
  })

  it('when two are left in the order they were entered, then nothing of them stays', async () => {
    const [leaveA, leaveB] = [scope.enterWithin([], a), scope.enterWithin([], b)]
    leaveA()
    expect(name()).to.equal('b')
    leaveB()
    await nextTurn()
    expect(name()).to.equal(undefined)
  })

  it('when it is left from elsewhere, also twice, then that changes nothing there', async () => {
    let leave: () => void = () => undefined
    let inside: Promise<unknown> = Promise.resolve()
    let goOn: () => void = () => undefined
    await scope.run(a, async () => {
      leave = scope.enterWithin([], b)
      inside = new Promise<void>((resolve) => {
        goOn = resolve
      }).then(name)
    })
    await scope.run(b, async () => {
      leave()
      expect(name()).to.equal('b')
      leave()
      expect(name()).to.equal('b')
    })
    leave()
    expect(name()).to.equal(undefined)
    goOn()
    expect(await inside, 'where it was entered').to.equal('a')
  })

  it('when code around it goes on, then nothing is in scope there', async () => {
    const inside = (async () => {
      await nextTurn()
      scope.enterWithin([], b)
      await nextTurn()
      return name()
    })()
    await nextTurn()
    expect([await inside, name()]).to.deep.equal(['b', undefined])
  })
})

describe('given a scope with a fallback', () => {
  const scope = new Scope<Value>()
  const name = (): string | undefined => scope.current()?.name

  it('when nothing else is in scope, then that is, until it is ended', async () => {
    const leave = scope.fallBackTo(a)
    expect(name()).to.equal('a')
    expect(await scope.run(b, name)).to.equal('b')
    expect(scope.call(undefined, name), 'none is one, too').to.equal(undefined)
    expect(scope.fallBackTo(b)).to.equal(undefined)
    leave?.()
    const next = scope.fallBackTo(b)
    leave?.()
    expect(name(), 'a late end is the old one’s').to.equal('b')
    next?.()
    expect(name()).to.equal(undefined)
  })
})
