import { nodeTest } from '../runners.ts'
import type { ForeignSuite } from '../suite.ts'

/** A session store for Express and Connect. */
export const connectSessionKnex: ForeignSuite = {
  name: 'connect-session-knex',
  version: '5.0.0',
  repository: 'gx0r/connect-session-knex',
  tag: 'v5.0.0',
  packages: ['express-session@1.19.0'],
  runner: nodeTest('test/index.mjs'),
}
