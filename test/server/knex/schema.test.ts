import type { Knex } from 'knex'
import { onEachServer, rejection } from '../../support/tenants.ts'
import { type Run, sameAsPlain } from './same-as-plain.ts'

/**
 * What the server says of a table, without what can differ between two that are made alike: the
 * counter, and the order of keys, which Knex makes anew in any order when it renames a column.
 */
async function definition(knex: Knex, table: string): Promise<string[]> {
  const [[row]] = await knex.raw('SHOW CREATE TABLE ??', [table])
  const lines: string[] = row['Create Table'].replace(/ AUTO_INCREMENT=\d+/, '').split(/,?\n/)
  const isKey = (line: string) => /^ +(?:KEY|CONSTRAINT)/.test(line)
  return [...lines.filter((line) => !isKey(line)), ...lines.filter(isKey).sort()]
}

async function createParentAndChild(knex: Knex): Promise<void> {
  await knex.schema.createTable('parent', (table) => {
    table.increments('id')
    table.integer('code').unsigned().notNullable().unique()
  })
  await knex.schema.createTable('child', (table) => {
    table.increments('id')
    table.integer('parent_id').unsigned().references('id').inTable('parent').onDelete('CASCADE')
    table.integer('parent_code').unsigned()
    table.foreign('parent_code').references('parent.code').withKeyName('child_code')
  })
}

const tables: [string, Run][] = [
  [
    'makes columns of every type',
    async (knex) => {
      await knex.schema.createTable('all_types', (table) => {
        table.bigIncrements('id')
        table.uuid('uuid').notNullable()
        table.binary('bytes', 16)
        table.boolean('flag').defaultTo(true).index()
        table.date('day')
        table.datetime('moment', { precision: 3 }).defaultTo(knex.fn.now(3))
        table.decimal('price', 12, 4).unsigned().defaultTo(0)
        table.double('double')
        table.float('float')
        table.enu('kind', ['one', 'two']).notNullable()
        table.geometry('geometry')
        table.point('point').notNullable()
        table.json('json')
        table.mediumint('medium')
        table.specificType('set', "SET('a', 'b')")
        table.string('text', 40).collate('utf8mb4_bin').comment('a; comment')
        table.text('long', 'longtext')
        table.time('time')
        table.timestamps(true, true)
        table.tinyint('tiny', 1)
        table.unique(['uuid', 'kind'], { indexName: 'both' })
      })
      return [await definition(knex, 'all_types'), await knex('all_types').columnInfo()]
    },
  ],
  [
    'checks what a check says',
    async (knex) => {
      await knex.schema.createTable('checked', (table) => {
        table.integer('age').checkPositive()
        table.string('kind').checkIn(['a', 'b'])
        table.integer('few').checkBetween([1, 5])
        table.string('long').checkLength('>=', 2)
        table.check('?? < ??', ['age', 'few'], 'younger')
      })
      const { code, message } = await rejection(knex('checked').insert({ age: -1 }))
      await knex.schema.alterTable('checked', (table) => void table.dropChecks(['younger']))
      return [code, message, await definition(knex, 'checked')]
    },
  ],
  [
    'alters columns and indexes',
    async (knex) => {
      await knex.schema.alterTable('items', (table) => {
        table.string('note').after('id')
        table.integer('first').first()
        table.string('tenant', 64).nullable().alter()
        table.index(['val', 'tenant'], 'by_val')
        table.unique(['id', 'val'])
      })
      await knex.schema.alterTable('items', (table) => {
        table.dropIndex([], 'by_val')
        table.dropUnique(['id', 'val'])
        table.dropColumn('first')
        table.dropNullable('tenant')
        table.renameColumn('note', 'remark')
      })
      await knex.schema.table('items', (table) => void table.setNullable('val'))
      return [await definition(knex, 'items'), await knex('items').orderBy('id')]
    },
  ],
  [
    'renames, copies and drops',
    async (knex) => {
      await knex.schema.createTableLike('copy', 'items', (table) => void table.string('more'))
      await knex.schema.renameTable('copy', 'renamed')
      await knex.schema.dropTableIfExists('items')
      await knex.schema.createTableIfNotExists('renamed', (table) => void table.increments())
      return [
        await definition(knex, 'renamed'),
        await knex.schema.hasTable('items'),
        await knex.schema.hasTable('renamed'),
        await knex.schema.hasColumn('renamed', 'more'),
        await knex.schema.hasColumn('renamed', 'less'),
        (await rejection(knex.schema.dropTable('items'))).code,
      ]
    },
  ],
  [
    'keeps foreign keys, also where their column is renamed',
    async (knex) => {
      await createParentAndChild(knex)
      await knex.schema.alterTable('parent', (table) => void table.renameColumn('id', 'key'))
      await knex.schema.alterTable('child', (table) => void table.renameColumn('parent_id', 'of'))
      await knex.schema.alterTable('child', (table) => void table.dropForeign([], 'child_code'))
      const { code } = await rejection(knex('child').insert({ of: 9 }))
      await knex('parent').insert({ key: 1, code: 1 })
      await knex('child').insert({ of: 1 })
      await knex('parent').del()
      return [code, await definition(knex, 'child'), await knex('child').count()]
    },
  ],
  [
    'renames a column with foreign keys inside a transaction',
    async (knex) => {
      await createParentAndChild(knex)
      await knex.transaction((trx) =>
        trx.schema.alterTable('parent', (table) => void table.renameColumn('id', 'key')),
      )
      return definition(knex, 'child')
    },
  ],
]

const rest: [string, Run][] = [
  [
    'views are made, replaced, read and dropped',
    async (knex) => {
      const rows = knex('items').select('id', 'tenant')
      await knex.schema.createView('few', (view) => {
        view.columns(['number', 'who'])
        view.as(rows.clone().where('id', '<', 3))
        view.checkOption()
      })
      const first = await knex('few').orderBy('number')
      await knex.schema.createViewOrReplace('few', (view) => void view.as(rows.where('id', 5)))
      const second = await knex('few')
      await knex.schema.dropViewIfExists('none')
      await knex.schema.dropView('few')
      return [first, second, await knex.schema.hasTable('few')]
    },
  ],
  [
    'columnInfo tells of all columns and of one',
    async (knex) => [await knex('items').columnInfo(), await knex('items').columnInfo('val')],
  ],
  [
    'generateDdlCommands and toSQL tell the statements without running them',
    async (knex) => {
      const table = () =>
        knex.schema.createTable('none', (made) => {
          made.increments('id')
          made.integer('item').references('items.id')
        })
      return [
        await (table() as unknown as Ddl).generateDdlCommands(),
        table()
          .toSQL()
          .map(({ sql }: { sql: string }) => sql),
        table().toString(),
        await knex.schema.hasTable('none'),
      ]
    },
  ],
  [
    'several statements in one chain, and raw ones',
    async (knex) => {
      const answer: unknown = await knex.schema
        .createTable('one', (table) => void table.increments())
        .raw('CREATE TABLE two (id INT)')
        .dropTable('one')
      return [
        (answer as unknown[]).length,
        await knex.schema.hasTable('one'),
        await knex.schema.hasTable('two'),
        ((await knex.schema.raw('SELECT COUNT(*) AS n FROM items')) as unknown as unknown[][])[0],
      ]
    },
  ],
  [
    'inside a transaction, by transacting too',
    async (knex) => {
      const trx = await knex.transaction()
      const has = [
        await trx.schema.hasTable('items'),
        await knex.schema.transacting(trx).hasTable('none'),
      ]
      await trx.schema.createTable('made', (table) => void table.increments())
      await trx.rollback()
      return [has, await knex.schema.hasTable('made')]
    },
  ],
]

/** Knex's types leave it out. */
interface Ddl {
  generateDdlCommands(): Promise<unknown>
}

onEachServer('the schema builder of a bound Knex does what plain Knex does', (server) => {
  describe('tables', () => {
    // setNullable asks for a second connection while it holds one, as in plain Knex.
    for (const [name, run] of tables) {
      it(name, () => sameAsPlain(server, run, { pool: { max: 2 } }))
    }
  })
  describe('the rest', () => {
    for (const [name, run] of rest) it(name, () => sameAsPlain(server, run))
  })
})
