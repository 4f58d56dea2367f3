import type { Mutant } from '../mutant.ts'

const HAPI_SCOPES = 'src/adapters/hapi/request-scopes.ts'
const FASTIFY = 'src/adapters/fastify.ts'
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
    search: '    entered(request).slot.value = knex',
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
]
