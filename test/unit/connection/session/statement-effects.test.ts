import { expect } from 'chai'
import knex, { type Knex } from 'knex'
import mysql from 'mysql2'
import {
  arePlainValues,
  cannotCommit,
  isPlainQuery,
} from '../../../../src/connection/session/statement-effects.ts'

const db = knex({ client: 'mysql2' })

/** Of a builder, as Knex hands it to the driver. */
function isHarmlessBuilder(builder: Knex.QueryBuilder): boolean {
  const { sql, bindings } = builder.toSQL()
  return isHarmless(sql, bindings)
}

function isHarmless(sql: string, values: readonly unknown[]): boolean {
  return isPlainQuery(sql) && arePlainValues(values)
}

const HARMLESS: Readonly<Record<string, Knex.QueryBuilder>> = {
  select: db('items').where({ id: 1, name: 'SET @v = 1' }).first(),
  'odd names': db('a`b@c').select('get_lock', 'x;y as `z'),
  'many conditions': db('items')
    .whereIn('id', [1, 2])
    .orWhereNotNull('val')
    .whereBetween('val', [1, 2])
    .whereNot('name', 'like', '%x%')
    .orderBy('id', 'desc')
    .limit(3)
    .offset(4),
  'an empty list': db('items').whereIn('id', []),
  'sub-query': db('items').whereExists(db('orders').where('orders.item', db.ref('items.id'))),
  join: db('items as i')
    .leftJoin('orders as o', 'o.item', 'i.id')
    .crossJoin(db('tags') as never),
  union: db('items')
    .union([db('orders')], true)
    .unionAll(db('tags')),
  'common table': db.with('recent', db('items')).from('recent').select('recent.*'),
  aggregate: db('items').count('* as n').max('val').groupBy('tenant').having('val', '>', 3),
  'count distinct': db('items').countDistinct('id'),
  'for update': db('items').forUpdate().skipLocked(),
  insert: db('items').insert([{ id: 1, val: Buffer.from('x') }, { id: 2 }]),
  'insert of nothing': db('items').insert({}),
  'insert into another database': db('items').withSchema('other').insert({ id: 1, at: new Date() }),
  'insert, or update': db('items').insert({ id: 1, val: 2 }).onConflict('id').merge(),
  'insert, or not': db('items').insert({ id: 1 }).onConflict('id').ignore(),
  update: db('items').where('id', '<=', 3).update({ val: null }),
  increment: db('items').increment('val', -3),
  'the time': db('items')
    .where('at', '<', db.fn.now())
    .update({ at: db.fn.now(6) }),
  like: db('items').whereLike('name', 'x%'),
  delete: db('items').where('val', '!=', 1).limit(1).delete(),
}

const HARMFUL: Readonly<Record<string, Knex.QueryBuilder>> = {
  'a variable': db('items').select(db.raw('@v := 1')),
  'a function': db('items').select(db.raw("get_lock('a', 1)")),
  'a function by its name in backticks': db('items').select(db.raw('??(?, 0)', ['get_lock', 'a'])),
  'a function in a condition': db('items').where('id', db.raw('release_all_locks()')),
  'a function in a value': db('items').update({ val: db.raw('my_function(1)') }),
  'a function after INTO': db('items').whereRaw('id = 1 into `get_lock` (1, 2) or `get_lock` (1)'),
  'a raw value of the driver': db('items').update({ val: mysql.raw('@v := 1') }),
  'an object': db('items').update({ val: { toString: () => '1' } }),
  'a date with SQL of its own': db('items').where(
    'id',
    Object.assign(new Date(), { toSqlString: () => '@v := 1' }),
  ),
  'a string in the text': db('items').whereRaw("name = 'x'"),
  'an assignment': db('items').select(db.raw('1 into @v')),
  'a file': db('items').select(db.raw('1 into outfile ?', ['x'])),
  'a second statement': db('items').whereRaw('1; set `sql_mode` = ?', ['']),
  'a comment with code': db('items').whereRaw('1 /*!50000 + sleep(1) */'),
  'a name without backticks': db('items').whereRaw('val = other'),
  'a function between comments that look like a name': db('items').select(
    db.raw('1 /*`*/, get_lock(?, 0) /*`*/', ['a']),
  ),
  'a function between lines that look like a name': db('items').select(
    db.raw('1 -- `\n, get_lock(?, 0) -- `', ['a']),
  ),
  'a hint that looks like a name': db('items')
    .hintComment('`')
    .select(db.raw('get_lock(?, 0) /*`*/', ['a'])),
  'a stored function with the name of a keyword': db('items').select(db.raw('mode(1)')),
  'a stored function with the name of an aggregate': db('items').select(db.raw('count (1)')),
  'a stored function behind its database': db('items').select(db.raw('??.set(1)', ['tenant_a'])),
  'a stored function whose name begins with an underscore': db('items').select(db.raw('_set(1)')),
  'a stored function with an underscore behind its database': db('items').select(
    db.raw('??.in_(1)', ['tenant_a']),
  ),
  'a stored function whose name begins with a digit and an underscore': db('items').select(
    db.raw('5_set'),
  ),
  'a character set before a value': db('items').select(db.raw('_utf8mb4 ?', ['x'])),
  'a stored function whose name begins with a digit': db('items').select(db.raw('5in(1)')),
  'a stored function whose name is a space': db('items').select(db.raw('\u00a0(1)')),
  'a stored function whose name is a value': db('items').select(db.raw('?(1)', [Number.NaN])),
}

describe('what a statement leaves in its session', () => {
  for (const [name, builder] of Object.entries(HARMLESS)) {
    it(`is nothing: ${name}`, () => {
      expect(isHarmlessBuilder(builder), builder.toSQL().sql).to.equal(true)
    })
  }

  for (const [name, builder] of Object.entries(HARMFUL)) {
    it(`may be something: ${name}`, () => {
      expect(isHarmlessBuilder(builder), builder.toSQL().sql).to.equal(false)
    })
  }

  it('may be something for all that does not begin as a query does', () => {
    for (const sql of [
      'SET `sql_mode` = ?',
      'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
      'COMMIT AND CHAIN',
      'BEGIN NOT ATOMIC select 1',
      'lock tables `a` read',
      'create temporary table `t` (`a` int)',
      'truncate `items`',
      'call `p`()',
      'do 1',
      '/*!50000 set */ select 1',
      ' select 1',
      '',
    ]) {
      expect(isHarmless(sql, ['x']), sql).to.equal(false)
    }
  })

  it('may be something where the driver makes a name of a value, or calls one', () => {
    expect(isHarmless('select ??(?, 0)', ['get_lock', 'a'])).to.equal(false)
    expect(isHarmless('select ?', [() => '@v := 1'])).to.equal(false)
  })

  it('is told of a text of megabytes', () => {
    const rows = Array.from({ length: 20_000 }, () => '(?, ?)').join(', ')
    const sql = `insert into \`items\` (\`id\`, \`val\`) values ${rows}`
    expect(isHarmless(sql, [])).to.equal(true)
    expect(isHarmless(`${sql} on duplicate key update \`val\` = @v`, [])).to.equal(false)
  })
})

describe('given a statement that may commit', () => {
  const can = ['CREATE TABLE copies SELECT 1', 'CALL p(/* select */)', 'COMMIT', 'SELECT 1; COMMIT']
  for (const sql of can) {
    it(`when it is "${sql}", then nobody says that it cannot`, () => {
      expect(cannotCommit(sql)).to.equal(false)
    })
  }

  for (const sql of ['select ?', '((SELECT 1) UNION (SELECT 2))', 'insert into a values (?)']) {
    it(`when it is "${sql}", then it cannot`, () => {
      expect(cannotCommit(sql)).to.equal(true)
    })
  }
})

describe('given values for a statement', () => {
  it('when the driver makes a literal of each, then they are plain', () => {
    expect(
      arePlainValues([1, 'a', 1n, true, null, undefined, new Date(), Buffer.from('a')]),
    ).to.equal(true)
    expect(arePlainValues([])).to.equal(true)
  })

  it('when one may become any text, then they are not', () => {
    for (const value of [{}, [1], () => 1, mysql.raw('1'), new Uint8Array(1), Object('a')]) {
      expect(arePlainValues([1, value])).to.equal(false)
    }
  })
})
