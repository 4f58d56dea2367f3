import type { Knex } from 'knex'
import { COLUMNS, TABLES } from './databases.ts'
import { type Builder, type Maker, NOWHERE } from './maker.ts'

/** One thing that an application does with a Knex. */
export interface Expression {
  readonly kind: string
  readonly weight?: number
  readonly writes: boolean
  /** True if it may have raw fragments. */
  readonly isRaw?: boolean
  run(maker: Maker): PromiseLike<unknown>
}

const DEPTH = 3

function select(maker: Maker): Builder {
  const query = maker.knex.queryBuilder()
  const { names, scope } = maker.fill(query, DEPTH, NOWHERE)
  const [name] = names as [string]
  switch (maker.number(9)) {
    case 0:
      query
        .count('* as count')
        .max({ max: `${name}.n` })
        .min(`${name}.id as least`)
      return query
    case 1:
      query.select(`${name}.parent`).count('* as count').sum(`${name}.n as sum`)
      query.groupBy(`${name}.parent`).having('count', '>', maker.number(3))
      if (maker.chance(0.3)) query.havingIn('sum', [7, maker.number(30)])
      return query
    case 2:
      query.countDistinct(`${name}.n as count`).avg(`${name}.id as average`)
      return query
    case 3: {
      const inner = maker.relation(1, { ...scope, outer: names })
      const count = maker.knex.from(inner.as('inner') as never).count('*')
      query.select(`${name}.id`, maker.chance(0.8) ? count.as('inside') : count)
      return query
    }
    case 4:
      query.select(maker.chance(0.5) ? `${name}.*` : '*')
      break
    case 5:
      query.select({ one: `${name}.id`, 'a`b': `${name}.key` }, `${name}.from as from`)
      return query
    case 6:
      query.distinct(`${name}.n`, `${name}.parent as p`)
      return query
    default:
      query.select(COLUMNS.slice(0, 5).map((column) => `${name}.${column} as ${column}`))
  }
  if (maker.chance(0.4)) {
    for (const one of names) query.orderBy(`${one}.id`, maker.pick(['asc', 'desc']))
    if (!maker.isRaw) query.limit(1 + maker.number(6)) // raw joins have no order
    if (maker.chance(0.3)) query.offset(maker.number(3))
  }
  if (maker.chance(0.15))
    query.modify((one) => maker.pick([() => one.forUpdate(), () => one.forShare()])())
  if (maker.chance(0.05)) query.forUpdate().skipLocked()
  return query
}

function union(maker: Maker): Builder {
  const wrap = maker.chance(0.5)
  const query = maker.arm(2, NOWHERE, false)
  const others = Array.from({ length: 1 + maker.number(3) }, () => maker.arm(2, NOWHERE, wrap))
  if (maker.chance(0.5)) query.unionAll(others, wrap)
  else query.union(others, wrap)
  if (maker.chance(0.5)) query.orderBy(['id', 'tenant', 'n', 'parent', 'key']).limit(5)
  return query
}

type Row = Record<string, unknown>

function row(maker: Maker): Row {
  const { knex } = maker
  const row: Row = { n: maker.number(50) }
  if (maker.chance(0.5)) row.parent = maker.value() === null ? null : maker.number(6)
  if (maker.chance(0.5))
    row.key = maker.chance(0.4) ? `k${maker.number(8)}` : `u${maker.number(99)}`
  if (maker.chance(0.3)) row.from = maker.number(5)
  if (maker.chance(0.2)) row.at = maker.pick([knex.fn.now(3), new Date(0)])
  if (maker.chance(0.2)) row.id = 1 + maker.number(20)
  if (maker.chance(0.15)) row.n = knex(maker.table()).max('id')
  return row
}

function rows(maker: Maker): Row[] {
  return Array.from({ length: 1 + maker.number(3) }, () => row(maker))
}

function insert(maker: Maker): Builder {
  const table = maker.table()
  if (maker.chance(0.1)) return maker.knex(table).insert({})
  if (maker.chance(0.1)) return maker.knex.insert(rows(maker) as never).into(table)
  return maker.knex(table).insert(maker.chance(0.5) ? row(maker) : rows(maker))
}

function upsert(maker: Maker): Builder {
  const query = maker.knex(maker.table()).insert(rows(maker)).onConflict('key')
  switch (maker.number(5)) {
    case 0:
      return query.ignore()
    case 1:
      return query.merge(['n'])
    case 2:
      return query.merge({ n: maker.knex(maker.table()).max('n') as never, parent: 3 })
    case 3:
      return query.merge({
        n: maker.knex.ref('parent') as never,
        at: maker.knex.fn.now(3) as never,
      })
    default:
      return query.merge()
  }
}

function insertFromQuery(maker: Maker): Builder {
  const { knex } = maker
  const source = maker.relation(2, NOWHERE).as('source')
  const query = knex
    .from(source as never)
    .select('source.n', 'source.parent')
    .orderBy(['source.id', 'source.n', 'source.parent'])
  const columns = maker.chance(0.7) ? 'n, parent' : 'parent, n'
  const into = maker.isRaw
    ? knex.raw(`?? (${columns})`, [maker.table()])
    : knex.raw('?? (??)', [maker.table(), columns.split(', ')])
  const insert = knex(into as never).insert(query as never)
  return (maker.chance(0.2) ? insert.onConflict().ignore() : insert) as unknown as Builder
}

function changes(maker: Maker, name: string): Row {
  const { knex } = maker
  const values = [maker.number(40), null, knex.ref(`${name}.id`), knex(maker.table()).min('parent')]
  const change: Row = { [`${name}.n`]: maker.pick(values) }
  if (maker.chance(0.3)) change[`${name}.parent`] = maker.number(5)
  if (maker.chance(0.2)) change[`${name}.at`] = knex.fn.now()
  return change
}

function update(maker: Maker): Builder {
  const table = maker.table()
  const name = maker.chance(0.3) ? maker.alias([]) : table
  const query = maker.knex(name === table ? table : `${table} as ${name}`)
  const names = [name]
  if (maker.chance(0.4)) names.push(maker.addJoin(query, 2, NOWHERE, names))
  maker.addConditions(query, names, 2, NOWHERE)
  if (names.length === 1 && maker.chance(0.3)) query.orderBy(`${name}.id`).limit(2)
  return query.update(changes(maker, maker.pick(names)))
}

function remove(maker: Maker): Builder {
  const table = maker.table()
  const query = maker.knex(table)
  const names = [table]
  if (maker.chance(0.4)) names.push(maker.addJoin(query, 2, NOWHERE, names))
  maker.addConditions(query, names, 2, NOWHERE)
  if (names.length === 1 && maker.chance(0.3))
    query.orderBy('id', 'desc').limit(1 + maker.number(3))
  return query.delete()
}

function count(maker: Maker): Builder {
  const query = maker.knex(maker.table()).where('id', '<', maker.number(6))
  if (maker.chance(0.5)) query.increment({ n: maker.number(5), parent: 1 })
  else if (maker.number(2) === 0) query.decrement('n')
  else query.increment('n', 2)
  return query
}

async function several(maker: Maker): Promise<unknown> {
  const { knex } = maker
  const table = maker.table()
  const [id] = await knex(table).insert({ n: 1 })
  await knex(table)
    .where({ id })
    .update({ n: maker.number(9) })
  const inner = async (trx: Knex.Transaction): Promise<void> => {
    await trx(maker.table()).where('id', '>', 3).delete()
    if (maker.chance(0.5)) throw new Error('rolled back')
  }
  await knex.transaction(inner).catch(() => undefined)
  return knex(table).where({ id }).first('n', 'tenant')
}

/** Uses of Knex that are rare, but legal. */
function strange(maker: Maker): PromiseLike<unknown> {
  const { knex } = maker
  const table = maker.table()
  const other = maker.table()
  const all: (() => PromiseLike<unknown>)[] = [
    () => knex.select(knex(table).count('*').as('n')),
    () => knex.select(knex(table).count('*') as never),
    () =>
      knex
        .select(knex.ref(`${table}.id`))
        .from(knex.ref(table) as never)
        .orderBy('id'),
    () => knex.from(knex(table).as(other) as never).where(`${other}.id`, '<', 3),
    () => knex(table).select('id').from(other).orderBy('id'),
    () => knex(table).where('id', 'in', knex(other).select('parent') as never),
    () => knex({ x: table, y: other }).where('x.id', 1).where('y.id', 2),
    () =>
      knex(table)
        .columns(['id', { m: 'n' }])
        .clone()
        .clear('select')
        .select('key'),
    () => knex(table).select(`${table}.id as id`, `${table}.n as from \`${other}\``),
    () =>
      knex(table)
        .orderBy(knex(other).max('id') as never)
        .orderBy('id'),
    () => knex(table).groupBy('n').select('n').havingNotIn('n', [3, 4]).orderBy('n'),
    () =>
      knex(table)
        .having('n', '>', knex(other).min('n') as never)
        .select('n'),
    () => knex(table).fullOuterJoin(other, `${table}.id`, `${other}.id`),
    () => knex(table).select('id').intersect(knex(other).select('id')),
    () => knex(table).select('id').except(knex(other).select('id')),
    () => knex(table).rank('r', 'n').select('id'),
    () => knex(table).whereJsonPath('key', '$.a', '=', 1),
    () => knex(table).hintComment('NO_ICP(x)').where('id', 1),
    () => knex(table).comment('a comment').where('id', 1),
    () => knex(table).whereILike('key', 'K%'),
    () => knex(`${table} as nobody`).select('nobody.*').where(`${table}.id`, 1),
    () => knex('nowhere').where('id', 1),
    () => knex(table).select('missing', knex(other).max('n').as('m')),
    () => knex.with('e', knex(table)).from('e').update({ n: 5 }),
    () => knex.with('e', knex(table)).from(other).whereIn('id', knex('e').select('id')).delete(),
    () => knex.with(table, knex(other)).from(table).orderBy('id'),
    () => knex.with(other, knex(table)).from(other).orderBy('id'),
    () =>
      knex
        .with('e', knex.with('f', knex(table)).from('f'))
        .from('e')
        .orderBy('id'),
    () => knex.with('e', knex(table)).from(knex.with('f', knex('e')).from('f').as('g') as never),
    () => knex(table).insert(knex(other).select('*').where('id', '>', 90)),
    () => knex(table).insert([{ n: 1 }, { parent: 2 }, {}]),
    () =>
      knex(table)
        .whereNotBetween('n', [2, 5])
        .andWhere((q) => void q.whereNotNull('n')),
    () => knex(table).timeout(5_000).where('id', 1),
    () => knex(table).options({ nestTables: true }).where('id', 1),
    () => knex(table).columnInfo(),
    () => knex.union([knex(table).select('id'), knex(other).select('id')], true).orderBy('id'),
    () => knex.unionAll([knex(table).select('id'), knex(other).select('id')]).limit(3),
    () => knex.from(knex.union([knex(table), knex(other)], true).as('u') as never).count('* as n'),
    () =>
      knex(table)
        .where(knex.raw('?', [1]))
        .select(knex.raw('? as ??', [table, 'name'])),
    () => knex(table).whereRaw('?? = (?)', ['id', knex(other).max('parent') as never]),
    () =>
      knex(table)
        .select(knex.raw('(?) as ??', [knex(other).count('*') as never, 'n']))
        .limit(2),
    () => knex(knex.raw('??', [table]) as never).orderBy('id'),
    () => knex(knex.raw('?? as ??', [table, 'x']) as never).where('x.id', 2),
    () =>
      knex
        .queryBuilder()
        .fromRaw(knex.raw('?? natural join ??', [table, other]))
        .count('* as n'),
    () => knex(table).orderByRaw('?? desc, ??', ['n', 'id']).limit(3),
    () => knex(table).join(knex(other).select('id').as('o') as never, 'o.id', `${table}.parent`),
    () => knex(table).joinRaw('left join (?) as ?? on true', [knex(other) as never, 'o']),
    () => knex(table).select('n').groupByRaw('?? with rollup', ['n']),
    () =>
      knex(table)
        .where('id', 1)
        .update({ n: knex.raw('?? + ?', ['n', 1]) }),
  ]
  return maker.pick(all)()
}

/** All kinds but Objection's. */
export const EXPRESSIONS: readonly Expression[] = [
  { kind: 'select', weight: 30, writes: false, run: select },
  { kind: 'first', weight: 3, writes: false, run: (maker) => ordered(maker).first('id', 'key') },
  { kind: 'pluck', weight: 3, writes: false, run: (maker) => ordered(maker).pluck('key') },
  { kind: 'union', weight: 6, writes: false, run: union },
  { kind: 'insert', weight: 6, writes: true, run: insert },
  { kind: 'upsert', weight: 5, writes: true, run: upsert },
  { kind: 'insert from query', weight: 5, writes: true, run: insertFromQuery },
  { kind: 'update', weight: 8, writes: true, run: update },
  { kind: 'delete', weight: 8, writes: true, run: remove },
  { kind: 'counter', weight: 2, writes: true, run: count },
  {
    kind: 'batch',
    weight: 1,
    writes: true,
    run: (maker) => maker.knex.batchInsert(maker.table(), [...rows(maker), ...rows(maker)], 2),
  },
  { kind: 'several', weight: 2, writes: true, run: several },
  { kind: 'strange', weight: 8, writes: true, isRaw: true, run: strange },
  { kind: 'raw select', weight: 12, writes: false, isRaw: true, run: select },
  { kind: 'raw insert from query', weight: 2, writes: true, isRaw: true, run: insertFromQuery },
]

function ordered(maker: Maker): Builder {
  const relation = maker.relation(2, NOWHERE).as('o')
  return maker.knex.queryBuilder().from(relation).orderBy('o.id').orderBy('key')
}

/** All rows of all tables, to see what was written. */
export function everything(knex: Knex): Builder {
  const [first, ...others] = TABLES.map((table, at) =>
    knex(table)
      .select(COLUMNS.slice())
      .select(knex.raw('? as ??', [at, 'table'])),
  ) as [Builder, ...Builder[]]
  return first.unionAll(others).orderBy(['table', 'id'])
}
