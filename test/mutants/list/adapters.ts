import type { Mutant } from '../mutant.ts'

const HAPI_SCOPES = 'src/adapters/hapi/request-scopes.ts'
const FASTIFY = 'src/adapters/fastify.ts'
const KEEP = 'src/adapters/http/keep-in-scope.ts'
const PIPELINING = 'src/adapters/http/pipelining.ts'
const REQUEST_SCOPE = 'src/adapters/http/request-scope.ts'
const READ = 'src/adapters/koa/read-in-scope.ts'
const KOA_TESTS = ['test/adapters/http/koa.test.ts']
const EXPRESS_TESTS = ['test/adapters/http/express.test.ts']
const KEEP_TESTS = ['test/adapters/http/keep-in-scope.test.ts', ...KOA_TESTS]
const HAPI_TESTS = ['test/adapters/http/hapi-plugin.test.ts']
const FASTIFY_TESTS = ['test/adapters/http/fastify-plugin.test.ts']

/** A request, and whose it is. */
export const ADAPTERS: readonly Mutant[] = [
  {
    name: 'leave a Hapi request’s scope with its connection',
    harm: 'what is done first for the next request has the tenant of the one before',
    file: HAPI_SCOPES,
    search: '    this.#contain(server.listener)\n',
    replace: '    void this.#contain\n',
    tests: HAPI_TESTS,
  },
  {
    name: 'enter a Hapi request’s scope when its tenant is known',
    harm: 'another extension before it loses it, and handlers have no tenant',
    file: HAPI_SCOPES,
    search: '    this.#entered(request).slot.value = knex',
    replace: '    this.#scope.enter().value = knex',
    tests: HAPI_TESTS,
  },
  {
    name: 'let the events of a Hapi request come in any scope',
    harm: 'a body is read, and an answer ended, in another tenant’s scope',
    file: HAPI_SCOPES,
    search: '    keepInScope(req, res, scope)\n',
    replace: '    void keepInScope\n',
    tests: HAPI_TESTS,
  },
  {
    name: 'give what comes after a request to its tenant',
    harm: 'a client’s error is told in the scope of a request that has ended',
    file: HAPI_SCOPES,
    search: 'request?.active()',
    replace: 'request',
    tests: HAPI_TESTS,
  },
  {
    name: 'contain nothing where nothing is in scope',
    harm: 'what is entered stays with the connection',
    file: 'src/scope.ts',
    search: 'this.#storage.run(new Slot<T>(), fn)',
    replace: 'this.#storage.run(undefined, fn)',
    tests: HAPI_TESTS,
  },
  {
    name: 'let the events of a Fastify request come in any scope',
    harm: 'a body is read, and an answer ended, in another tenant’s scope',
    file: FASTIFY,
    search: '    keepInScope(request.raw, reply.raw, scope)\n',
    replace: '    void keepInScope\n',
    tests: FASTIFY_TESTS,
  },
  {
    name: 'go on after a Fastify request’s body outside its scope',
    harm: 'handlers have no tenant, or that of whoever wrote to the socket',
    file: FASTIFY,
    search: '  if (scope) scope.call(done)\n  else done()',
    replace: '  void scope\n  done()',
    tests: FASTIFY_TESTS,
  },
  {
    name: 'leave the events of a request as they are',
    harm: 'a body is read in another tenant’s scope',
    file: KEEP,
    search: '    replaceEmit(req, emitInScope)\n',
    replace: '',
    tests: KEEP_TESTS,
  },
  {
    name: 'leave the events of a response as they are',
    harm: 'what listens to its end has no tenant, or another',
    file: KEEP,
    search: 'if (setScope(res, all)) replaceEmit(res, emitResponse)',
    replace: 'setScope(res, all)',
    tests: KEEP_TESTS,
  },
  {
    name: 'pass a socket on in the scope of the request before',
    harm: 'the next request of the connection ends in this one’s scope',
    file: PIPELINING,
    search: '  scope.leave(() => Reflect.apply(listener, res, []))',
    replace: '  scope.call(() => Reflect.apply(listener, res, []))',
    tests: [...KOA_TESTS, ...EXPRESS_TESTS],
  },
  {
    name: 'give a stream that answers two requests to the first',
    harm: 'the second one’s body is filled in the first one’s scope',
    file: KEEP,
    search: 'isShared ? scope.nobody() : scope',
    replace: 'scope',
    tests: KEEP_TESTS,
  },
  {
    name: 'go on in Koa outside the request’s scope',
    harm: 'handlers have no tenant, or that of whoever wrote to the socket',
    file: 'src/adapters/koa.ts',
    search: 'return scope.call(next)',
    replace: 'return next()',
    tests: KOA_TESTS,
  },
  {
    name: 'go on in Express outside the request’s scope',
    harm: 'handlers have no tenant, or that of whoever wrote to the socket',
    file: 'src/adapters/express.ts',
    search: 'scope.call(() => next())',
    replace: 'next()',
    tests: EXPRESS_TESTS,
  },
  {
    name: 'handle errors in Express outside the request’s scope',
    harm: 'an error handler logs them with no tenant, or another’s',
    file: 'src/adapters/express.ts',
    search: 'return scope.call(() => next(error))',
    replace: 'return next(error)',
    tests: EXPRESS_TESTS,
  },
  {
    name: 'pass a socket on by the first listener alone',
    harm: 'a listener that is put before it takes the next request into this one’s scope',
    file: PIPELINING,
    search: 'const own = listeners.findIndex(isNodes)',
    replace: 'const own = listeners.slice(0, 1).findIndex(isNodes)',
    tests: KEEP_TESTS,
  },
  {
    name: 'take any listener of its name for Node’s own',
    harm: 'an application’s listener has no tenant, and the socket is passed on in its scope',
    file: PIPELINING,
    search: String.raw`return name === 'onResponseFinish' && /\bresOnFinish\b/.test(String(listener))`,
    replace: "return name === 'onResponseFinish'",
    tests: KEEP_TESTS,
  },
  {
    name: 'pass a socket on in scope if Node’s own listener is not known',
    harm: 'the next request of the connection ends in this one’s scope',
    file: PIPELINING,
    search: 'return !holdsSocket(res)',
    replace: 'return true',
    tests: KEEP_TESTS,
  },
  {
    name: 'tell in scope how much a response has to send',
    harm: 'the response before goes on in this one’s scope',
    file: PIPELINING,
    search: 'scope.leave(() => tell(amount))',
    replace: 'tell(amount)',
    tests: KEEP_TESTS,
  },
  {
    name: 'forget the scope of another tenantKnex',
    harm: 'its listeners have the tenant of whoever wrote to the socket',
    file: KEEP,
    search: 'scope.within(scopeOfResponse(res))',
    replace: 'scope',
    tests: KEEP_TESTS,
  },
  {
    name: 'leave one scope of two',
    harm: 'the next request of the connection ends in this one’s scope of another tenantKnex',
    file: REQUEST_SCOPE,
    search: 'return this.#outer.leave(() => this.#scope.call(undefined, fn))',
    replace: 'return this.#scope.call(undefined, fn)',
    tests: [...EXPRESS_TESTS, ...KOA_TESTS],
  },
  {
    name: 'read a stream of the web outside the request’s scope',
    harm: 'its source has no tenant',
    file: READ,
    search: 'scope.call(() => Reflect.apply(method, object, args))',
    replace: 'Reflect.apply(method, object, args)',
    tests: KOA_TESTS,
  },
  {
    name: 'abort a Fastify request’s signal outside its scope',
    harm: 'a listener that asks for the tenant ends the process',
    file: FASTIFY,
    search: 'if (request.routeOptions.handlerTimeout) keepSignal(request, reply)',
    replace: 'void keepSignal',
    tests: FASTIFY_TESTS,
  },
  {
    name: 'handle errors in Koa only if the request has a scope',
    harm: 'a request that fails before the adapter is never answered',
    file: 'src/adapters/koa/extend-application.ts',
    search: '    else handle()\n',
    replace: '',
    tests: ['test/adapters/http/koa.test.ts'],
  },
]
