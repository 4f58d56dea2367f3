import { EventEmitter, errorMonitor, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { fillInScope, keepInScope } from '../../../../src/adapters/http/keep-in-scope.ts'
import { RequestScope } from '../../../../src/adapters/http/request-scope.ts'
import { Scope } from '../../../../src/base/scope.ts'
import { pipelined } from '../../../server/adapters/http/client.ts'

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

  it('when one has an emit of its own, then that is called, in the scope', () => {
    const [req, res] = [new EventEmitter(), new EventEmitter()]
    const heard: unknown[] = []
    res.emit = function (this: EventEmitter, ...args: Parameters<EventEmitter['emit']>) {
      heard.push([args[0], inScope()])
      return EventEmitter.prototype.emit.apply(this, args)
    }
    res.on('event', () => heard.push(inScope()))
    keepInScope(req, res, of('a'))
    expect(res.emit('event')).to.equal(true)
    expect(heard).to.deep.equal([['event', 'a'], 'a'])
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

describe('given requests that come without waiting for each other', () => {
  /** Serves two requests of one connection, and waits until both are answered. */
  const answerTwo = async (handle: (req: IncomingMessage, res: ServerResponse) => void) => {
    const server = createServer(handle).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const asks = ['/first', '/second'].map((path) => ({ path }))
    await pipelined((server.address() as AddressInfo).port, asks)
    server.close()
    await once(server, 'close')
  }

  /** Notes the tenant in scope at each event. */
  const noting = () => {
    const heard: string[] = []
    return { heard, note: (what: string) => () => void heard.push(`${what} ${inScope()}`) }
  }

  it('when listeners come before Node’s own, then the order stays, and the next has no scope', async () => {
    const { heard, note } = noting()
    await answerTwo((req, res) => {
      if (req.url === '/first') {
        res.prependListener('finish', () => note(`early with${res.socket ? '' : 'out'} socket`)())
        res.prependOnceListener('finish', note('earliest'))
        res.on('finish', () => note(`late with${res.socket ? '' : 'out'} socket`)())
        keepInScope(req, res, of('a'))
        setTimeout(() => of('a').call(() => res.end()), 5)
      } else {
        res.on('finish', note('next')).end('x')
      }
    })
    expect(heard).to.deep.equal([
      ...['earliest a', 'early with socket a', 'late without socket a', 'next undefined'],
    ])
  })

  for (const isKnown of [true, false]) {
    const own = isKnown ? 'known' : 'not known'
    it(`when one ends in a scope that has no adapter, then that is left, if Node’s own listener is ${own}`, async () => {
      const other = new Scope<{ readonly tenant: string }>()
      const heard: unknown[] = []
      const note = () => heard.push(inScope(), other.current()?.tenant)
      await answerTwo((req, res) => {
        if (req.url === '/second') {
          res.on('finish', note).end('x')
          return
        }
        if (!isKnown) wrapListeners(res)
        keepInScope(req, res, of('a'))
        setTimeout(() => other.call({ tenant: 'x' }, () => res.end()), 5)
      })
      expect(heard).to.deep.equal([undefined, undefined])
    })
  }

  it('when a listener has the name of Node’s own, then it is one like all', async () => {
    const { heard, note } = noting()
    await answerTwo((req, res) => {
      if (req.url === '/second') return void res.on('finish', note('next')).end('x')
      function onResponseFinish(): void {
        note('named')()
      }
      res.prependListener('finish', onResponseFinish)
      keepInScope(req, res, of('a'))
      setTimeout(() => of('a').call(() => res.end()), 5)
    })
    expect(heard).to.deep.equal(['named a', 'next undefined'])
  })

  it('when Node’s own listener is not known, then nobody’s are in scope, rather than the next’s', async () => {
    const { heard, note } = noting()
    await answerTwo((req, res) => {
      if (req.url === '/second') return void res.on('finish', note('next')).end('x')
      wrapListeners(res)
      res.on('finish', note('finish'))
      keepInScope(req, res, of('a'))
      setTimeout(() => of('a').call(() => res.end()), 5)
    })
    expect(heard).to.deep.equal(['finish undefined', 'next undefined'])
  })

  it('when one waits that has more to send, then the one before goes on in no scope', async () => {
    const { heard, note } = noting()
    const other = new Scope<{ readonly tenant: string }>()
    await answerTwo((req, res) => {
      if (req.url === '/first') {
        while (res.write('x'.repeat(50_000)));
        res
          .on('drain', () => note(`drain ${other.current()?.tenant}`)())
          .on('drain', () => res.end())
        return
      }
      keepInScope(req, res, of('a'))
      of('a').call(() =>
        other.call({ tenant: 'x' }, () => {
          res.write('y')
          res.end()
        }),
      )
    })
    expect(new Set(heard)).to.deep.equal(new Set(['drain undefined undefined']))
  })

  it('when a request has scopes of two kinds, then its listeners are in both', () => {
    const other = new Scope<{ readonly tenant: string }>()
    const [req, res] = [new EventEmitter(), new EventEmitter()]
    const heard: unknown[] = []
    for (const emitter of [req, res]) {
      emitter.on('event', () => heard.push([inScope(), other.current()?.tenant]))
    }
    keepInScope(req, res, of('a'))
    keepInScope(req, res, new RequestScope(other as never, { tenant: 'x' } as never))
    keepInScope(req, res, of('b'))
    of('c').call(() => req.emit('event'))
    res.emit('event')
    expect(heard).to.deep.equal([
      ['b', 'x'],
      ['b', 'x'],
    ])
  })
})

describe('given a stream that answers requests', () => {
  const responseOf = (tenant: string): EventEmitter => {
    const res = new EventEmitter()
    keepInScope(new EventEmitter(), res, of(tenant))
    return res
  }

  /** The tenant in scope each time the stream is read. */
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

/** Like a tool that wraps each listener. */
function wrapListeners(res: ServerResponse): void {
  const [own] = res.rawListeners('finish')
  res.removeAllListeners('finish').on('finish', () => Reflect.apply(own as () => void, res, []))
}
