import { EventEmitter, errorMonitor } from 'node:events'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { fillInScope, keepInScope } from '../../../src/adapters/http/keep-in-scope.ts'
import { RequestScope } from '../../../src/adapters/http/request-scope.ts'
import { Scope } from '../../../src/scope.ts'

const scope = new Scope<{ readonly tenant: string }>()
const of = (tenant: string): RequestScope => new RequestScope(scope as never, { tenant } as never)
const inScope = (): string | undefined => scope.current()?.tenant

describe('given the emitters of a request', () => {
  it('when they get another scope, then that one counts, and each listener is called once', () => {
    const [req, res] = [new EventEmitter(), new EventEmitter()]
    const heard: unknown[] = []
    for (const emitter of [req, res]) emitter.on('event', (value) => heard.push([value, inScope()]))
    keepInScope(req, res, of('a'))
    keepInScope(req, res, of('b'))
    expect([req.emit('event', 1), res.emit('event', 2), res.emit('nobody hears')]).to.deep.equal([
      ...[true, true, false],
    ])
    expect(heard).to.deep.equal([
      [1, 'b'],
      [2, 'b'],
    ])
    expect(inScope()).to.equal(undefined)
  })

  it('when a listener throws, then whoever emits gets that, outside the scope', () => {
    const [req, res] = [new EventEmitter(), new EventEmitter()]
    keepInScope(req, res, of('a'))
    req.on('event', () => {
      throw new Error(`thrown in ${inScope()}`)
    })
    expect(() => req.emit('event')).to.throw('thrown in a')
    expect(inScope()).to.equal(undefined)
  })

  it('when nobody handles an error, then who watches errors has the scope', () => {
    const [req, res] = [new EventEmitter(), new EventEmitter()]
    const heard: unknown[] = []
    keepInScope(req, res, of('a'))
    res.on(errorMonitor, () => heard.push(inScope()))
    expect(() => res.emit('error', new Error('nobody handles it'))).to.throw('nobody handles it')
    expect(heard).to.deep.equal(['a'])
  })

  it('when the response ends, then the first listener of others is one like all', () => {
    const [req, res] = [new EventEmitter(), new EventEmitter()]
    const heard: unknown[] = []
    for (const name of ['first', 'second']) res.on('finish', () => heard.push([name, inScope()]))
    keepInScope(req, res, of('a'))
    res.emit('finish')
    expect(heard).to.deep.equal([
      ['first', 'a'],
      ['second', 'a'],
    ])
  })
})

describe('given a stream that answers requests', () => {
  const responseOf = (tenant: string): EventEmitter => {
    const res = new EventEmitter()
    keepInScope(new EventEmitter(), res, of(tenant))
    return res
  }

  /** What is in scope whenever the stream is read. */
  const readIn = (...responses: readonly EventEmitter[]): (string | undefined)[] => {
    const seen: (string | undefined)[] = []
    const stream = new Readable({
      read() {
        seen.push(inScope())
        this.push('x')
      },
    })
    for (const res of responses) {
      fillInScope(stream, res)
      stream.read()
    }
    return seen
  }

  it('when it is one request’s, then it is filled in its scope', () => {
    const a = responseOf('a')
    expect(new Set(readIn(a, a))).to.deep.equal(new Set(['a']))
  })

  it('when it is several requests’, then it is filled in nobody’s scope from then on', () => {
    const [first, ...others] = readIn(responseOf('a'), responseOf('b'), responseOf('a'))
    expect(first).to.equal('a')
    expect(others.length).to.be.greaterThan(1)
    expect(new Set(others)).to.deep.equal(new Set([undefined]))
  })
})
