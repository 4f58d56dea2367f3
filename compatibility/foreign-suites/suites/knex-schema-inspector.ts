import { mocha } from '../runners.ts'
import type { ForeignSuite } from '../suite.ts'

/** Lists tables and columns. */
export const knexSchemaInspector: ForeignSuite = {
  name: 'knex-schema-inspector',
  version: '3.1.0',
  repository: 'knex/knex-schema-inspector',
  tag: 'v3.1.0',
  packages: ['chai@4.5.0', 'lodash.flatten@4.4.0', 'lodash.isnil@4.0.0', 'mocha@10.8.2'],
  // The name of their database.
  edits: [{ file: 'test/mysql.spec.ts', from: "'test_db'", to: 'process.env.FOREIGN_DATABASE' }],
  charset: 'latin1',
  tables: 'test/seed/mysql.sql',
  runner: mocha('test/mysql.spec.ts'),
}
