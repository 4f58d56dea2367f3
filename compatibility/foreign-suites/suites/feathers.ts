import { mocha } from '../runners.ts'
import type { ForeignSuite } from '../suite.ts'

const FEATHERS = ['adapter-commons', 'adapter-tests', 'commons', 'errors', 'feathers', 'schema']

/** The services of Feathers on a table. */
export const feathers: ForeignSuite = {
  name: '@feathersjs/knex',
  version: '5.0.24',
  repository: 'feathersjs/feathers',
  tag: 'v5.0.24',
  folder: 'packages/knex',
  packages: [...FEATHERS.map((name) => `@feathersjs/${name}@5.0.24`), 'mocha@10.8.2'],
  runner: mocha('--extension', 'ts', '--recursive', 'test'),
  environment: { TEST_DB: 'mysql' },
}
