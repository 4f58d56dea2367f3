import { jest } from '../runners.ts'
import type { ForeignSuite } from '../suite.ts'

/** Adds a method `paginate` to all query builders. */
export const knexPaginate: ForeignSuite = {
  name: 'knex-paginate',
  version: '3.2.0',
  repository: 'felixmosh/knex-paginate',
  tag: 'v3.2.0',
  packages: ['dotenv@16.6.1', 'jest@29.7.0', 'knex-mock-client@3.0.2', 'stringcase@4.3.1'],
  tables: 'sql-data/dummy.sql',
  runner: jest(),
}
