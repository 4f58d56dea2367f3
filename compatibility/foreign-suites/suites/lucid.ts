import { japa } from '../runners.ts'
import type { ForeignSuite } from '../suite.ts'

/** Tests of connections, queries, transactions and migrations. All tests take well over ten minutes. */
const FILES = [
  'connection/connection',
  'database/db_check',
  'database/db_connection_count_check',
  'database/drop_tables',
  'database/query_client',
  'database/transaction_client',
  'database/views_types',
  'migrations/migrator',
]

/** The ORM of AdonisJS. It makes its Knexes itself, and cannot be given one. */
export const lucid: ForeignSuite = {
  name: '@adonisjs/lucid',
  version: '21.3.0',
  repository: 'adonisjs/lucid',
  tag: 'v21.3.0',
  packages: [
    '@adonisjs/assembler@7.8.2',
    '@adonisjs/core@6.14.1',
    '@adonisjs/presets@2.6.3',
    '@adonisjs/tsconfig@1.4.0',
    '@faker-js/faker@9.0.3',
    '@japa/assert@3.0.0',
    '@japa/file-system@2.3.0',
    '@japa/runner@3.1.4',
    '@poppinss/hooks@7.2.4',
    '@poppinss/macroable@1.0.3',
    '@poppinss/utils@6.8.3',
    '@vinejs/vine@2.1.0',
    'chance@1.1.12',
    'dotenv@16.4.5',
    'fast-deep-equal@3.1.3',
    'fs-extra@11.2.0',
    'igniculus@1.5.0',
    'kleur@4.1.5',
    'knex-dynamic-connection@3.2.0',
    'luxon@3.5.0',
    'pretty-hrtime@1.0.3',
    'qs@6.13.0',
    'reflect-metadata@0.2.2',
    'slash@5.1.0',
    'typescript@5.6.3',
  ],
  runner: japa('bin/test.ts', ...FILES),
  environment: { DB: 'mysql' },
  // Its tests expect MySQL.
  servers: ['MySQL'],
}
