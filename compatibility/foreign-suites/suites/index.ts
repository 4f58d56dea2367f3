import type { ForeignSuite } from '../suite.ts'
import { bookshelf } from './bookshelf.ts'
import { connectSessionKnex } from './connect-session-knex.ts'
import { feathers } from './feathers.ts'
import { knexPaginate } from './knex-paginate.ts'
import { knexSchemaInspector } from './knex-schema-inspector.ts'

/** All suites, in alphabetical order. */
export const SUITES: readonly ForeignSuite[] = [
  bookshelf,
  connectSessionKnex,
  feathers,
  knexPaginate,
  knexSchemaInspector,
]
