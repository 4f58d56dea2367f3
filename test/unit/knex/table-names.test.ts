import { expect } from 'chai'
import {
  checkForeignKeys,
  checkSchemaTables,
  checkTables,
  wrongTenant,
} from '../../../src/knex/guards.ts'
import { thrown } from '../../support/tenants.ts'

const tenant = { id: 'a', database: 'db_a' }

/** Tables of `information_schema` that show more than what tables there are. */
const NOT_DESCRIBING = [
  'processlist',
  'PROCESSLIST',
  '`processlist`',
  'proce\u017f\u017flist', // letters that servers take for an s
  'innodb_trx',
  'innodb_locks',
  'innodb_ft_index_table',
  'optimizer_trace',
  'column_statistics',
  'query_cache_info',
  'tables.processlist',
  '',
]

/** Names of tables as Knex takes them, each of another tenant's database. */
const FOREIGN: [string, unknown][] = [
  ['a dotted name', 'db_b.items'],
  ['one with an alias', 'db_b.items as x'],
  ['one with spaces around', ' db_b .items'],
  ['a database whose name begins with the own one', 'db_ab.items'],
  ['a database whose name the own one begins with', 'db_.items'],
  ['the own one in upper case', 'DB_A.items'],
  ['a list', ['items', 'db_b.items']],
  ['an object of aliases', { x: 'items', y: 'db_b.items' }],
  ['an object of aliases, one of them called ref', { ref: 'items', x: 'db_b.items' }],
  ['an object of lists', { x: ['db_b.items'] }],
  [
    'an object of aliases without a prototype',
    Object.assign(Object.create(null), { x: 'db_b.items' }),
  ],
  ['an object of aliases that are inherited', Object.create({ x: 'db_b.items' })],
  ['a ref', { isRawInstance: true, ref: 'db_b.items' }],
  ['a ref to a list', { isRawInstance: true, ref: ['db_b.items'] }],
  [
    'a ref to a name of another, with its schema',
    { isRawInstance: true, ref: 'db_b.x', _schema: 'db_a' },
  ],
  ['a ref to an object of aliases', { isRawInstance: true, ref: { x: 'db_b.items' } }],
  ['a ref to a ref', { isRawInstance: true, ref: { isRawInstance: true, ref: 'db_b.items' } }],
  ['a ref to a list, with a schema', { isRawInstance: true, ref: ['items'], _schema: 'db_b' }],
  ['a ref with a schema', { isRawInstance: true, ref: 'items', _schema: 'db_b' }],
  ...['mysql', 'performance_schema', 'sys', 'INFORMATION_SCHEMA_'].map(
    (system): [string, unknown] => [`one of the database ${system}`, `${system}.events`],
  ),
  ...NOT_DESCRIBING.map((table): [string, unknown] => [
    `${table} of information_schema`,
    `information_schema.${table}`,
  ]),
  ['the process list, with spaces', ' information_schema . processlist '],
  ['the process list by an alias of another table', 'information_schema.processlist AS tables'],
  ['the process list in an object', { tables: 'INFORMATION_SCHEMA.ProcessList' }],
  [
    'the process list in a ref',
    { isRawInstance: true, ref: 'processlist', _schema: 'Information_Schema' },
  ],
]

/** As Knex's: no plain object. */
class Raw {
  isRawInstance = true
  sql = 'db_b.items'
}

/** As Knex's query builder, which is compiled by itself. */
class Builder {
  _single = { table: 'db_b.items' }
  x = 'db_b.items'
  toSQL() {}
}

const OWN: [string, unknown][] = [
  ['a name', 'items'],
  ['a dotted name', 'db_a.items'],
  ['a dotted name with spaces', ' db_a .items'],
  ['tables of the server', 'information_schema.tables'],
  ['columns of the server, by an alias', 'INFORMATION_SCHEMA.COLUMNS as c'],
  ['keys of the server, with spaces', ' information_schema . key_column_usage '],
  ['an alias with a dot', 'items as x.y'],
  ['an alias with a dot, in upper case', 'items AS x.y'],
  ['an object of aliases', { x: 'items', y: 'db_a.items' }],
  ['a ref', { isRawInstance: true, ref: 'db_a.items' }],
  ['a ref to a list', { isRawInstance: true, ref: ['db_a.items', 'items'] }],
  ['a ref without a schema', { isRawInstance: true, ref: 'items', _schema: null }],
  ['a ref with its schema', { isRawInstance: true, ref: 'items', _schema: 'db_a' }],
  ['a raw statement', new Raw()],
  ['a builder', new Builder()],
  ['null', null],
  ['nothing', undefined],
]

/** Where a builder can name a table. */
const PLACES: [string, (table: unknown) => void][] = [
  ['of a query', (table) => checkTables({ _single: { table } }, tenant)],
  ['of a join', (table) => checkTables({ _statements: [{}, { grouping: 'join', table }] }, tenant)],
  [
    'of a schema method',
    (table) => checkSchemaTables({ _sequence: [{ method: 'dropTable', args: [table] }] }, tenant),
  ],
  ...['createTableLike', 'renameTable', 'renameView'].map(
    (method): [string, (table: unknown) => void] => [
      `of ${method}, as its second`,
      (table) => checkSchemaTables({ _sequence: [{ method, args: ['items', table] }] }, tenant),
    ],
  ),
  [
    'of a foreign key',
    (table) =>
      checkForeignKeys(
        { _statements: [{ method: 'index' }, { method: 'foreign', args: [{ inTable: table }] }] },
        tenant,
      ),
  ],
]

describe('the tables that a builder names', () => {
  for (const [place, check] of PLACES) {
    it(`may not be another tenant’s: ${place}`, () => {
      for (const [title, table] of FOREIGN) {
        expect(
          thrown(() => check(table)),
          title,
        ).to.include({
          code: 'ERR_WRONG_TENANT',
          tenant: 'a',
          database: 'db_a',
          outcome: 'not-sent',
        })
      }
    })

    it(`may be the tenant’s own, or what is checked elsewhere: ${place}`, () => {
      for (const [title, table] of OWN) expect(() => check(table), title).not.to.throw()
    })
  }

  it('may not be put into another database by withSchema', () => {
    for (const check of [
      (schema: unknown) => checkTables({ _single: { schema } }, tenant),
      (schema: unknown) => checkTables({ _statements: [{ grouping: 'join', schema }] }, tenant),
      (schema: unknown) => checkSchemaTables({ _schema: schema }, tenant),
    ]) {
      for (const schema of ['db_b', 'db_ab', 'db_', '', 'DB_A', ['db_b'], new String('db_b')]) {
        expect(
          thrown(() => check(schema)),
          String(schema),
        ).to.have.property('code', 'ERR_WRONG_TENANT')
      }
      for (const schema of ['db_a', undefined, null]) {
        expect(() => check(schema), String(schema)).not.to.throw()
      }
    }
  })

  it('may be put into information_schema by withSchema, where they describe tables', () => {
    const checks = [
      (schema: unknown, table: unknown) => checkTables({ _single: { schema, table } }, tenant),
      (schema: unknown, table: unknown) =>
        checkTables({ _statements: [{ grouping: 'join', schema, table }] }, tenant),
      (_schema: unknown, table: unknown) =>
        checkSchemaTables({ _schema, _sequence: [{ method: 'hasTable', args: [table] }] }, tenant),
      (_schema: unknown, ref: unknown) =>
        checkTables({ _single: { table: { isRawInstance: true, ref, _schema } } }, tenant),
    ]
    for (const check of checks) {
      for (const schema of ['information_schema', 'INFORMATION_SCHEMA']) {
        for (const table of ['tables', 'Columns', 'views as processlist']) {
          expect(() => check(schema, table), table).not.to.throw()
        }
        for (const table of [...NOT_DESCRIBING.slice(0, -1), 'processlist as tables']) {
          expect(
            thrown(() => check(schema, table)),
            table,
          ).to.have.property('code', 'ERR_WRONG_TENANT')
        }
      }
    }
    const joined = checks[0] as (schema: unknown, table: unknown) => void
    for (const table of [['processlist'], new String('processlist'), { tables: 'processlist' }]) {
      expect(
        thrown(() => joined('information_schema', table)),
        String(table),
      ).to.have.property('code', 'ERR_WRONG_TENANT')
    }
    for (const table of [undefined, null, new Raw(), new Builder(), () => undefined]) {
      expect(() => joined('information_schema', table), String(table)).not.to.throw()
    }
  })

  it('are looked for only where there are some', () => {
    for (const check of [checkTables, checkSchemaTables, checkForeignKeys]) {
      expect(() => check({}, tenant)).not.to.throw()
    }
    const where = { grouping: 'where', table: 'db_b.items', schema: 'db_b' }
    expect(() => checkTables({ _statements: [where] }, tenant)).not.to.throw()
    const raw = { method: 'raw', args: ['SELECT 1.5', 'db_b.items'] }
    const table = { method: 'dropTable', args: ['items', 'db_b.items'] }
    expect(() => checkSchemaTables({ _sequence: [raw, table] }, tenant)).not.to.throw()
    for (const args of [undefined, [], [{}]]) {
      const statements = { _statements: [{ method: 'foreign', ...(args && { args }) }] }
      expect(() => checkForeignKeys(statements, tenant)).not.to.throw()
    }
    const index = { method: 'index', args: [{ inTable: 'db_b.items' }] }
    expect(() => checkForeignKeys({ _statements: [index] }, tenant)).not.to.throw()
  })

  it('are named in the refusal', () => {
    expect(
      thrown(() => checkTables({ _single: { table: 'db_b.items' } }, tenant)).message,
    ).to.equal(
      'A query of tenant "a" names the database "db_b"; its own is "db_a". Nothing was sent.',
    )
    expect(
      thrown(() => checkTables({ _single: { table: 'information_schema.processlist' } }, tenant))
        .message,
    ).to.match(/^A query of tenant "a" names information_schema\.processlist\. Builders may read/)
  })
})

describe('the refusal of what belongs to another tenant', () => {
  it('names both tenants', () => {
    const error = wrongTenant('A transaction', tenant, { id: 'b', database: 'db_b' })
    expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
    expect(error.message).to.equal(
      'A transaction of tenant "b" was used by tenant "a". Nothing was sent.',
    )
    expect(wrongTenant('A client', tenant, { id: 'a', database: 'x' }).message).to.match(
      /^A client of tenant "a", but of another tenantKnex, was used by tenant "a"\. Nothing was sent\. /,
    )
    expect(wrongTenant('A client', tenant, undefined).message).to.equal(
      'A client of no tenant was used by tenant "a". Nothing was sent.',
    )
  })
})
