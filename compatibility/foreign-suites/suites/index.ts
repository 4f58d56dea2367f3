import type { ForeignSuite } from '../suite.ts'
import { bookshelf } from './bookshelf.ts'
import { connectSessionKnex } from './connect-session-knex.ts'
import { feathers } from './feathers.ts'
import { knexPaginate } from './knex-paginate.ts'
import { knexSchemaInspector } from './knex-schema-inspector.ts'
import { lucid } from './lucid.ts'

/** All suites. */
export const SUITES: readonly ForeignSuite[] = [
  lucid,
  bookshelf,
  connectSessionKnex,
  feathers,
  knexPaginate,
  knexSchemaInspector,
]
