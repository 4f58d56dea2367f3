import { expect } from 'chai'
import knex, { type Knex } from 'knex'
import { selfContained } from '../../../../src/connection/session/self-contained.ts'

const db = knex({ client: 'mysql2' })

/** A statement's text with `db` before the names of its tables; undefined if it is not self-contained. */
function qualified(sql: string): string | undefined {
  return selfContained(sql)?.join('`db`.')
}

/** Each table of these is named `t`, `u` or `v`, and nothing else is. */
const SELF_CONTAINED: Readonly<Record<string, Pick<Knex.QueryBuilder, 'toSQL'>>> = {
  select: db('t').where({ id: 1 }).first('id', 't.name'),
  'all columns of a table': db('t').select('t.*'),
  'an alias': db('t as a').where('a.id', 1),
  'an alias by name': db({ a: 't' }).where('a.id', 1),
  'no table': db.select(),
  joins: db('t')
    .join('u', 't.id', 'u.id')
    .leftJoin('v as w', 'w.id', 'u.id')
    .crossJoin(db('u').as('x') as never),
  'a join with columns in common': db('t').join('u', (on) => on.using(['id', 'name'])),
  'a join with conditions': db('t').join('u', (on) =>
    on
      .on('t.id', 'u.id')
      .onIn('u.a', [1, 2])
      .onExists(db('v').where('v.id', db.ref('u.id')) as never),
  ),
  'a natural join': db('t').joinRaw('natural join `u`'),
  'sub-queries': db('t')
    .whereIn('id', db('u').select('id'))
    .whereNotExists(db('v').whereIn('v.id', db('u').select('x')))
    .select('a', db('v').count('* as n').as('n')),
  'a derived table': db(db('t').where('a', 1).as('d')).where('d.b', 2),
  'a derived table of a join': db.from(((q: Knex.QueryBuilder) =>
    q.from('t').join('u', 't.id', 'u.id').as('d')) as never) as never,
  unions: db('t')
    .union([db('u').where('a', 1), db('v')], true)
    .unionAll(db('t').whereIn('id', db('u').select('id')))
    .orderBy('id')
    .limit(3),
  'a common table expression': db
    .with('c', db('t').where('a', 1))
    .from('c')
    .join('u', 'u.id', 'c.id'),
  'one behind another': db
    .with('c', db('t'))
    .with('d', db('c').join('u', 'c.id', 'u.id'))
    .from('d')
    .whereIn('id', db('c').select('id')),
  'a recursive one': db
    .withRecursive('c', (q) =>
      q.from('t').unionAll((r) => r.from('t').join('c', 'c.parent', 't.id')),
    )
    .from('c'),
  'one inside a sub-query': db('t').whereIn('id', db.with('c', db('u')).from('c').select('id')),
  'the name of a common table expression outside of its query': db('t')
    .whereExists(db.with('u', db('v')).from('u'))
    .whereExists(db('t')),
  insert: db('t').insert([{ a: 1, b: 2 }, { a: 3 }]),
  'insert of nothing': db('t').insert({}),
  'insert from a query': db('t').insert(db('u').select('a', 'b').whereIn('a', db('v').select('a'))),
  'insert into columns from a query': db
    .into(db.raw('?? (??, ??)', ['t', 'a', 'b']) as never)
    .insert(db('u').select('a', 'b') as never) as never,
  upsert: db('t').insert({ a: 1, b: 2 }).onConflict('a').merge(['b']),
  'upsert of values': db('t').insert({ a: 1, b: 2 }).onConflict('a').merge({ b: 3, c: 4 }),
  'insert ignore': db('t').insert({ a: 1 }).onConflict('a').ignore(),
  update: db('t').where('a', 1).orderBy('b').limit(2).update({ a: 1, b: db.fn.now() }),
  'update with joins': db('t')
    .join('u', 't.id', 'u.id')
    .where('u.a', 1)
    .update({ 't.a': 1, 't.b': 2 }),
  'update from a sub-query': db('t').update({ a: db('u').max('a') }),
  counters: db('t').where('a', 1).increment('a', 2).decrement('b', 3),
  delete: db('t').where('a', 1).limit(1).delete(),
  'delete with joins': db('t').join('u', 't.id', 'u.id').where('u.a', 1).delete(),
  aggregates: db('t')
    .count('* as n')
    .countDistinct('a', 'b')
    .max('c')
    .groupBy('d')
    .having('d', '>', 1),
  locks: db('t').join('u', 't.id', 'u.id').forUpdate().skipLocked(),
  'a shared lock': db('t').forShare(),
  'odd names of columns': db('t').select('x`.`t', 'y as from `t` join', 'join (select'),
  'a name in a query and in its sub-queries': db('t')
    .whereIn('id', db('t').select('id'))
    .union(db('t').select('id')),
  'selected sub-queries': db('t').select(
    db('u').count('*').as('n'),
    db.raw('exists (?) as ??', [db('v'), 'has']),
  ),
  'unions in parentheses': db(
    db
      .queryBuilder()
      .union([db('t'), db('u')], true)
      .orderBy('a')
      .as('d'),
  ),
  'the names of everything': db('t')
    .whereNull('a')
    .whereBetween('b', [1, 2])
    .whereLike('c', '%')
    .distinct('d'),
}

/** They may be self-contained, but that is not certain. */
const UNCERTAIN: Readonly<Record<string, Pick<Knex.QueryBuilder, 'toSQL'>>> = {
  'a table of a database': db('t').withSchema('other'),
  'two tables without a join': db(['t', 'u'] as never) as never,
  'two tables, one with an alias': db({ a: 't', b: 'u' }),
  'a comma behind a join': db('t').join('u', 't.id', 'u.id').joinRaw(', `v`'),
  'a comma behind a derived table': db(db('t').as('d')).joinRaw(', `v`'),
  'a column of a database': db('t').select('other.t.id'),
  'all columns of a table of a database': db('t').select('other.t.*'),
  'a table that is no name': db.from(db.raw('?', [1]) as never) as never,
  'tables in parentheses': db.from(db.raw('(?? join ??)', ['t', 'u']) as never) as never,
  'a delete of two tables': db(
    db.raw('?? using ?? inner join ??', ['t', 't', 'u']) as never,
  ).delete(),
  'a delete by an alias': db(db.raw('?? as ??', ['t', 'a']) as never)
    .join('u', 'a.id', 'u.id')
    .delete(),
  'a lock of one table': db('t').joinRaw('for update of `t`'),
  'an expression that uses its own name': db.with('t', db('t').where('a', 1)).from('t'),
  'an expression that uses a later one': db.with('c', db('d')).with('d', db('u')).from('c'),
  'a recursive expression that uses a later one': db
    .withRecursive('c', db('d'))
    .withRecursive('d', db('u'))
    .from('c'),
  'an expression in other case': db.with('Users', db('t')).from('users'),
  'an expression beside a name with accents': db.with('c', db('t')).from('é'),
  'an expression with an accent': db.with('ç', db('t')).from('u'),
  'a table in two pairs of parentheses': db.from(db.raw('((??))', ['t']) as never) as never,
  'two tables in two pairs of parentheses': db('t').joinRaw('join ((??, ??))', ['u', 'v']),
  'a table behind a derived one, in parentheses': db.from(
    db.raw('((select 1 as ??) as ??, ??)', ['a', 'd', 't']) as never,
  ) as never,
  'a table behind a derived one without AS': db.from(
    db.raw('((select 1 as ??) ??, ??)', ['a', 'd', 't']) as never,
  ) as never,
  'a comma behind a word that a value makes a name of': db('t').joinRaw('where?, `u`', [5]),
  'a comma behind a name that is a keyword': db('offset').joinRaw('join `u` on offset.where, `v`'),
  'a comma behind a keyword that belongs to a value': db('t as NaN').joinRaw(
    'join `u` on ?.where, `v`',
    [Number.NaN],
  ),
  'a comma behind the function VALUES': db('t').joinRaw('join `u` on values(`a`) is null, `v`'),
  'a delete whose tables are in parentheses': db(
    db.raw('?? using (??, ??)', ['t', 't', 'u']) as never,
  ).delete(),
  'a delete from a common table expression': db
    .with('c', db('t'))
    .from('c')
    .join('u', 'u.id', 'c.id')
    .delete() as never,
  'a common table expression inside another': db
    .with('c', db('t'))
    .from(db.with('d', db('c')).from('d').as('e') as never) as never,
  'a common table expression inside another of the same name': db
    .with('c', db('t'))
    .from(db.with('c', db('c')).from('c').as('e') as never) as never,
  'two names that are the same': db.with('c', db('t')).from('c as u').joinRaw('join `u`'),
  'two names that differ in case': db(db('t').as('D')).join('u as d', 'd.id', 'D.id'),
  'a delete from a table with the name of a derived one': db('t')
    .join(db('u').as('t') as never, 't.id', 't.id')
    .delete(),
  'a table with the name of an expression of a query beside it': db('t').union(
    [db.with('c', db('u')).from('c'), db('c')],
    true,
  ),
  'a column whose name would have the database in it': db('t').select(db('u').count('*')),
  'such a column beside one with an alias': db('t').select(
    db('u').count('*').as('n'),
    db.raw('exists (select 1 from ??)', ['v']),
  ),
  'such a column of a derived table': db(
    db.select(db.raw('(select max(??) from ??)', ['a', 't'])).as('d'),
  ),
  'a function': db('t').select(db.raw('now()')),
  'a word that is no name': db('t').whereRaw('a = 1'),
}

describe('a self-contained statement', () => {
  for (const [name, builder] of Object.entries(SELF_CONTAINED)) {
    it(`names the database of all tables: ${name}`, () => {
      const { sql } = builder.toSQL()
      expect(qualified(sql), sql).to.equal(withDatabase(sql))
    })
  }

  it('names the database of the target of a DELETE', () => {
    const { sql } = db('t').join('u', 't.id', 'u.id').delete().toSQL()
    expect(qualified(sql)).to.equal(
      'delete `db`.`t` from `db`.`t` inner join `db`.`u` on `t`.`id` = `u`.`id`',
    )
  })

  for (const [name, builder] of Object.entries(UNCERTAIN)) {
    it(`is not assumed: ${name}`, () => {
      const { sql } = builder.toSQL()
      expect(qualified(sql), sql).to.equal(undefined)
    })
  }

  it('is not assumed for a text that is no query, or not a whole one', () => {
    for (const sql of [
      '',
      'select',
      '(',
      ')',
      'select * from',
      'select * from `t`)',
      'truncate `t`',
      'insert `t` values (1)',
      'insert ignore `t` set `a` = 1',
    ]) {
      const parts = selfContained(sql)
      const names = sql.startsWith('insert') ? 0 : 1
      expect(parts?.length ?? 0, sql).to.be.at.most(names)
    }
  })

  it('is not assumed for a text of very many queries inside queries', () => {
    expect(qualified(`select * from \`t\` where ${'('.repeat(50_000)}`)).to.equal(undefined)
  })

  it('may be long', () => {
    const rows = Array.from({ length: 20_000 }, () => '(?, ?)').join(', ')
    const sql = `insert into \`t\` (\`a\`, \`b\`) values ${rows}`
    expect(qualified(sql)).to.equal(sql.replace('`t`', '`db`.`t`'))
  })

  it('has the same verdict when its text comes again', () => {
    const good = db('t').where('again', 1).toSQL().sql
    const bad = db('t').whereRaw('again').toSQL().sql
    for (let time = 1; time <= 3; time++) {
      expect(selfContained(good)).to.have.length(2)
      expect(selfContained(bad)).to.equal(undefined)
    }
  })
})

/** By another way: tables are those names that these tests give only to tables, unless a dot is near. */
function withDatabase(sql: string): string {
  const expressions = [...sql.matchAll(/(?:with |recursive |, )(`\w+`) as \(/g)].map(
    ([, name]) => name,
  )
  return sql.replaceAll(/`(?:[^`]|``)+`/g, (name, at: number) => {
    const isTable = /^`[tuv]`$/.test(name) && !expressions.includes(name)
    const hasDot = sql[at - 1] === '.' || sql[at + name.length] === '.'
    return isTable && !hasDot ? `\`db\`.${name}` : name
  })
}
