import type { Mutant } from '../mutant.ts'

const TENANTS = 'src/tenants/directory.ts'
const LOCATING = ['test/server/knex/locating.test.ts']
const MANY = ['test/server/tenants/each.test.ts']

/** Where a tenant is, and many tenants at once. */
export const LOCATING_AND_MANY: readonly Mutant[] = [
  {
    name: 'stay in a place that the look-up has left',
    harm: 'a tenant that has moved goes on writing where it was',
    file: TENANTS,
    search:
      'if (before !== undefined && before.database === this.#lookup.peek(tenant.id)) return before',
    replace: 'if (before !== undefined) return before',
    tests: LOCATING,
  },
  {
    name: 'keep what was looked up when it is to be forgotten',
    harm: 'a tenant that has been made is not found, one that has moved is looked for where it was',
    file: TENANTS,
    search: 'this.#cached?.forget(tenantId)\n',
    replace: '',
    tests: LOCATING,
  },
  {
    name: 'give a place away that something still runs in',
    harm: 'two tenants write into one database',
    file: TENANTS,
    search: '!this.#left.has(place) || this.#isOccupied(place)',
    replace: '!this.#left.has(place)',
    tests: LOCATING,
  },
  {
    name: 'do not look who waits for a connection to a place',
    harm: 'two tenants write into one database',
    file: 'src/pool/server-pool.ts',
    search: 'holders.includes(place) || [...this.#acquiring].some((one) => one.place === place)',
    replace: 'holders.includes(place)',
    tests: LOCATING,
  },
  {
    name: 'keep a place for whom it was told to forget',
    harm: 'a tenant that was renamed is locked out of its database',
    file: TENANTS,
    search: 'if (place) this.#left.add(place)\n',
    replace: '',
    tests: LOCATING,
  },
  {
    name: 'go on in a place that another tenant has by now',
    harm: 'two tenants write into one database',
    file: TENANTS,
    search: 'if (!this.#left.has(place)) return place\n    try',
    replace: 'if (place) return place\n    try',
    tests: LOCATING,
  },
  {
    name: 'believe an answer that was asked for before `forget`',
    harm: 'a tenant that has moved has the name of its old database',
    file: TENANTS,
    search: 'if (finding) this.#findingOf.set(tenant, { place: undefined })',
    replace: 'if (finding) finding.place = undefined',
    tests: LOCATING,
  },
  {
    name: 'take every thenable for a promise of Node’s',
    harm: 'a `database` function with promises of its own kind throws for every tenant',
    file: TENANTS,
    search: 'Promise.resolve(database).catch(() => undefined)',
    replace: 'database.then(undefined, () => undefined)',
    tests: LOCATING,
  },
  {
    name: 'let user code set a tenant’s database',
    harm: 'a name that the guards go by is not the one that was looked up',
    file: TENANTS,
    search: '      get database(): string | null {\n        return databaseOf(this)\n      },',
    replace: '      database: null,',
    tests: LOCATING,
  },
  {
    name: 'look a tenant up in the scope of whoever asks first',
    harm: 'what a catalog reads through the ambient Knex is one tenant’s, and given to all',
    file: 'src/base/cached-lookup.ts',
    search: 'this.#outside.runInAsyncScope(() => this.#start(key))',
    replace: 'this.#start(key)',
    tests: ['test/unit/base/cached-lookup.test.ts'],
    isQuick: true,
  },
  {
    name: 'close everybody’s idle connections for one tenant',
    harm: 'all others have to connect again',
    file: 'src/pool/server-pool.ts',
    search: '.filter(({ state }) => state.owner?.tenant.id === tenantId)',
    replace: '',
    tests: LOCATING,
  },
  {
    name: 'stop at the first tenant that fails',
    harm: 'the others are not migrated, and nobody is told',
    file: 'src/tenants/each.ts',
    search: "return { tenant, status: 'rejected', reason }",
    replace: 'throw reason',
    tests: MANY,
  },
  {
    name: 'take anything for a token',
    harm: 'a job without a tenant runs, and fails somewhere else',
    file: 'src/tenants/token.ts',
    search: "if (typeof tenant === 'string') return tenant",
    replace: 'return String(tenant)',
    tests: MANY,
  },
]
