import { mocha } from '../runners.ts'
import type { ForeignSuite } from '../suite.ts'

const FEATHERS = ['adapter-commons', 'commons', 'errors', 'feathers', 'schema']

/** Feathers services on a table. */
export const feathers: ForeignSuite = {
  name: '@feathersjs/knex',
  version: '5.0.24',
  repository: 'feathersjs/feathers',
  tag: 'v5.0.24',
  packages: [
    ...FEATHERS.map((name) => `@feathersjs/${name}@5.0.24`),
    // These have no version 5.0.24.
    '@feathersjs/adapter-tests@5.0.25',
    'mocha@10.8.2',
  ],
  // It attaches an SQLite database.
  edits: [
    {
      file: 'packages/knex/test/overrides.test.ts',
      from: 'return db.schema.raw(',
      to: 'return String(',
    },
  ],
  runner: mocha('--extension', 'ts', 'packages/knex/test'),
  environment: { TEST_DB: 'mysql' },
}
