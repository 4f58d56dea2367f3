import { mocha } from '../runners.ts'
import type { ForeignSuite } from '../suite.ts'

/** An ORM. */
export const bookshelf: ForeignSuite = {
  name: 'bookshelf',
  version: '1.2.0',
  repository: 'bookshelf/bookshelf',
  tag: '1.2.0',
  packages: [
    'bluebird@3.7.2',
    'chai@4.5.0',
    'create-error@0.3.1',
    'inflection@1.13.4',
    'lodash@4.17.21',
    'mocha@10.8.2',
    'sinon@17.0.2',
    'sinon-chai@3.7.0',
    'uuid@3.4.0',
  ],
  // They are for Knex 0.21, and also use PostgreSQL and SQLite.
  edits: [
    {
      file: 'test/integration/model.js',
      from: 'knex/lib/query/builder',
      to: 'knex/lib/query/querybuilder',
    },
    {
      file: 'test/integration/index.js',
      from: '[SQLite3, Swapped, MySQL, PostgreSQL]',
      to: '[MySQL]',
    },
    // Two tests of locks limit a statement to 25 or 60 ms. A busy machine takes longer.
    ...[25, 60, 100].map((millis) => ({
      file: 'test/integration/model.js',
      from: `Promise.delay(${millis})`,
      to: `Promise.delay(${millis * 15})`,
    })),
  ],
  runner: mocha('test/index.js'),
}
