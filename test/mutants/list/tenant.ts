import type { Mutant } from '../mutant.ts'

const IDENTIFIERS = ['test/identifiers.test.ts']
const TENANT_KNEX = ['test/tenant-knex.test.ts']

/** Ids, scopes, and which Knex is whose. */
export const TENANT: readonly Mutant[] = [
  {
    name: 'take ids in any case for the default mapping',
    harm: 'two tenants get one database where the file system ignores case',
    file: 'src/identifiers.ts',
    search: '/^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/',
    replace: '/^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/i',
    tests: IDENTIFIERS,
    isQuick: true,
  },
  {
    name: 'allow names that are longer than a server takes',
    harm: 'a server that cuts them makes two of them one',
    file: 'src/identifiers.ts',
    search: 'if (value.length > MAX_DATABASE_LENGTH) {',
    replace: 'if (value.length > 2 * MAX_DATABASE_LENGTH) {',
    tests: IDENTIFIERS,
  },
  {
    name: 'allow the server’s own databases',
    harm: 'a tenant called mysql reads the accounts',
    file: 'src/identifiers.ts',
    search: 'RESERVED.has(value)',
    replace: 'RESERVED.has(value.toUpperCase())',
    tests: IDENTIFIERS,
    isQuick: true,
  },
  {
    name: 'do not check what the mapping returns',
    harm: 'any text becomes the name of a database',
    file: 'src/knex/tenants.ts',
    search: '    checkDatabaseName(database, id)\n',
    replace: '    if (typeof database !== "string") checkDatabaseName(database, id)\n',
    tests: ['test/faults.test.ts'],
  },
  {
    name: 'allow two ids with one database',
    harm: 'two tenants share all rows',
    file: 'src/knex/tenants.ts',
    search: 'if (other && other.id !== id) throw',
    replace: 'if (other && other.id === id) throw',
    tests: ['test/knex/guards.test.ts'],
  },
  {
    name: 'forget whose a database is with the bound Knex',
    harm: 'another id gets it while a connection still holds the first one’s session',
    file: 'src/knex/tenants.ts',
    search: 'this.#places.set(database, new WeakRef(place))',
    replace: 'this.#places.set(database, new WeakRef({ ...place }))',
    tests: ['test/knex/guards.test.ts'],
  },
  {
    name: 'find the bound Knex by the lower-case id',
    harm: 'Acme gets the Knex of acme',
    file: 'src/knex/bound-knexes.ts',
    search: 'return this.#recent.get(tenantId) ?? this.#revive(tenantId)',
    replace: 'return this.#recent.get(tenantId.toLowerCase()) ?? this.#revive(tenantId)',
    tests: ['test/knex/guards.test.ts', ...TENANT_KNEX],
  },
  {
    name: 'end the scope before the builder it returns has run',
    harm: 'a builder that run() returns starts outside, or in another tenant’s scope',
    file: 'src/scope.ts',
    search: 'this.#storage.run(value, async () => await fn())',
    replace: 'Promise.resolve(this.#storage.run(value, fn) as R)',
    tests: TENANT_KNEX,
  },
  {
    name: 'enter the scope and never leave it',
    harm: 'what comes after run() goes on as that tenant',
    file: 'src/scope.ts',
    search: 'return this.#storage.run(value, async () => await fn())',
    replace: 'this.#storage.enterWith(value)\n    return (async () => await fn())()',
    tests: TENANT_KNEX,
  },
  {
    name: 'let an ambient builder run in any scope',
    harm: 'a builder made for A runs while B is served, unnoticed',
    file: 'src/knex/bound-knex.ts',
    search: 'if (current && current !== tenant) throw',
    replace: 'if (current && current.database !== current.database) throw',
    tests: TENANT_KNEX,
  },
  {
    name: 'do not look at the scope at all',
    harm: 'the same',
    file: 'src/knex/tenant-client.ts',
    search: '      checkScope()\n',
    replace: '      void checkScope\n',
    tests: TENANT_KNEX,
  },
  {
    name: 'keep the first ambient client for everyone',
    harm: '`ambient` serves the first tenant’s rows to all',
    file: 'src/knex/bound-knex.ts',
    search: 'const client = () => this.#ambientClient(this.current())',
    replace:
      'let first: TenantClient | undefined\n    const client = () => (first ??= this.#ambientClient(this.current()))',
    tests: TENANT_KNEX,
  },
]
