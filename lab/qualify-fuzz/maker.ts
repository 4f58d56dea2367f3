import type { Knex } from 'knex'
import { pick, type Random } from '../../src/testing/random.ts'
import { TABLES } from './databases.ts'

export type Builder = Knex.QueryBuilder

/** The names that a query inside others can use. */
export interface Scope {
  /** Of common table expressions. */
  readonly expressions: readonly string[]
  /** Of tables of the queries around it. */
  readonly outer: readonly string[]
  /** Set for a part of a union without parentheses: it can have no expressions of its own. */
  readonly isArm?: boolean
}

export const NOWHERE: Scope = { expressions: [], outer: [] }

/** A table or a query in FROM. Its columns are called by the name. */
interface Source {
  readonly from: unknown
  readonly name: string
}

/** The columns of each table and each query in FROM. */
const SHARED = ['id', 'tenant', 'n', 'parent', 'key'] as const
const NUMBERS = ['id', 'n', 'parent'] as const
/** Among them names of tables, and a name of a table in other case. */
const EXPRESSIONS = ['recent', 'tree', 'events', 'items', 'Events', 'only x', 'files', 'c`te']
const ALIASES = ['a', 'b', 'events', 'x y', 'order', 'from', 'A', 'q`uote', 'tables', 'as']
const OPERATORS = ['=', '<', '>', '<=', '>=', '<>', '!=']

/** Makes builders by chance. With the same random numbers it makes the same ones for any Knex. */
export class Maker {
  readonly knex: Knex
  readonly random: Random
  /** True if raw fragments may be among the parts. */
  readonly isRaw: boolean
  /** The name of the Knex. */
  readonly name: string
  #aliases = 0

  constructor(knex: Knex, random: Random, isRaw = false, name = '') {
    this.name = name
    this.knex = knex
    this.random = random
    this.isRaw = isRaw
  }

  chance(share: number): boolean {
    return this.random() < share
  }

  number(below: number): number {
    return Math.floor(this.random() * below)
  }

  pick<T>(list: readonly T[]): T {
    return pick(this.random, list)
  }

  table(): string {
    return this.pick(TABLES)
  }

  value(): number | string | null {
    const values = [this.number(8), `k${this.number(7)}`, this.number(8), null, '?', '`', "it's"]
    return this.pick(values)
  }

  /** A name that no other source of a query has. */
  alias(taken: readonly string[]): string {
    const alias = this.pick(ALIASES)
    return taken.some((name) => name.toLowerCase() === alias.toLowerCase())
      ? `t${++this.#aliases}`
      : alias
  }

  /** A query with the columns that each source has. */
  relation(depth: number, scope: Scope): Builder {
    const query = this.knex.queryBuilder()
    const { names } = this.fill(query, depth, scope)
    const from = this.pick(names)
    query.select(SHARED.map((column) => `${from}.${column}`))
    if (this.chance(0.15)) query.distinct()
    const isUnion = depth > 0 && this.chance(0.25) && !scope.isArm
    if (isUnion) this.#addUnion(query, depth, scope)
    if (this.chance(0.15)) {
      query.orderBy(SHARED.map((column) => (isUnion ? column : `${from}.${column}`)))
      query.limit(1 + this.number(5))
    }
    return query
  }

  /** Adds all clauses but the columns and the order. */
  fill(query: Builder, depth: number, scope: Scope): { names: string[]; scope: Scope } {
    const share = scope.expressions.length > 0 ? 0.02 : 0.12
    const hasExpressions = this.chance(share) && !scope.isArm
    const expressions = hasExpressions ? this.#addExpressions(query, depth, scope) : []
    const inside = {
      outer: scope.outer,
      expressions: [...scope.expressions, ...expressions],
    }
    const first = this.#source(depth, inside, [])
    query.from(first.from as string)
    const names = [first.name]
    for (let joins = this.pick([0, 0, 1, 1, 2]); joins > 0; joins--) {
      names.push(this.addJoin(query, depth, inside, names))
    }
    this.addConditions(query, names, depth, inside)
    if (this.isRaw && this.chance(0.4)) this.#addRaw(query, names)
    return { names, scope: inside }
  }

  #addExpressions(query: Builder, depth: number, scope: Scope): string[] {
    const names: string[] = []
    for (let count = 1 + this.number(2); count > 0; count--) {
      const name = this.pick(EXPRESSIONS)
      if (names.includes(name)) continue
      const visible = { expressions: [...scope.expressions, ...names], outer: [] }
      if (this.chance(0.2)) this.#addTree(query, name)
      else if (this.isRaw && this.chance(0.3)) {
        query.withRaw(name, 'select * from ??', [this.table()])
      } else if (this.number(5) === 0) {
        query.with(name, [...SHARED], this.relation(depth - 1, visible))
      } else if (this.number(3) === 0) {
        const body = this.relation(depth - 1, visible)
        query.with(name, (inner) => inner.select('*').from(body.as('body')))
      } else query.with(name, this.relation(depth - 1, visible))
      names.push(name)
    }
    return names
  }

  #addTree(query: Builder, name: string): void {
    const table = this.table()
    const limit = 1 + this.number(3)
    const columns = SHARED.map((column) => `${table}.${column}`)
    query.withRecursive(name, (root) =>
      root
        .select(columns)
        .from(table)
        .where('id', '<=', limit)
        .union((branch) =>
          branch
            .select(columns)
            .from(table)
            .join(name, `${name}.id`, `${table}.parent`)
            .where(`${table}.id`, '>', limit),
        ),
    )
  }

  #addUnion(query: Builder, depth: number, scope: Scope): void {
    const wrap = this.chance(0.5)
    const other = this.arm(depth - 1, scope, wrap)
    const third = this.arm(0, scope, wrap)
    switch (this.number(4)) {
      case 0:
        query.union([other], wrap)
        break
      case 1:
        query.unionAll([other, third], wrap)
        break
      case 2:
        query.union((inner) => inner.select(SHARED).from(third.as('u')), wrap)
        break
      default:
        query.unionAll(other, wrap)
    }
  }

  /** A part of a union. Without parentheses it can have no order. */
  arm(depth: number, scope: Scope, wrap: boolean): Builder {
    const query = this.relation(depth, { ...scope, isArm: !wrap })
    return wrap ? query : query.clear('order').clear('limit')
  }

  #source(depth: number, scope: Scope, taken: readonly string[]): Source {
    if (depth > 0 && this.chance(0.2)) return this.#derived(depth, scope, taken)
    const { expressions } = scope
    const table = expressions.length > 0 && this.chance(0.6) ? this.pick(expressions) : this.table()
    const isTaken = taken.some((name) => name.toLowerCase() === table.toLowerCase())
    if (!isTaken && this.chance(0.5)) return { from: table, name: table }
    const name = this.alias(taken)
    if (table.includes(' as ')) return { from: { [name]: table }, name }
    return this.chance(0.5)
      ? { from: `${table} ${this.pick(['as', 'AS', 'As'])} ${name}`, name }
      : { from: { [name]: table }, name }
  }

  #derived(depth: number, scope: Scope, taken: readonly string[]): Source {
    const name = this.alias(taken)
    const query = this.relation(depth - 1, { ...scope, outer: [] })
    return this.chance(0.7) ? { from: query.as(name), name } : { from: { [name]: query }, name }
  }

  addJoin(query: Builder, depth: number, scope: Scope, names: readonly string[]): string {
    const { from, name } = this.#source(depth, scope, names)
    const other = this.pick(names)
    const table = from as string
    const joined = [`${name}.${this.pick(NUMBERS)}`, `${other}.${this.pick(NUMBERS)}`] as const
    const kind = this.pick(['join', 'innerJoin', 'leftJoin', 'rightJoin', 'leftOuterJoin'] as const)
    switch (this.number(6)) {
      case 0:
        query.crossJoin(table as never)
        break
      case 1:
        query[kind](table, { [joined[0]]: joined[1] })
        break
      case 2: {
        const inner = this.relation(0, { ...scope, outer: [] })
        const number = this.number(6)
        query[kind](table, (on) => {
          on.on(...joined)
          if (number < 2) on.onVal(`${name}.n`, '<', number + 4)
          if (number === 2) on.andOnIn(`${name}.id`, [1, 2, 3])
          if (number === 3) on.orOn((group) => void group.onNull(`${other}.n`).onNotNull(joined[0]))
          if (number === 4) on.andOnExists(inner as never)
          if (number === 5) on.andOnBetween(`${name}.id`, [1, 4])
        })
        break
      }
      case 3:
        query[kind](table, this.knex.raw('?? = ??', [...joined]) as never)
        break
      default:
        query[kind](table, joined[0], this.pick(['=', '<', '>=']), joined[1])
    }
    return name
  }

  addConditions(query: Builder, names: readonly string[], depth: number, scope: Scope): void {
    for (let count = this.number(3); count > 0; count--) {
      this.#addCondition(query, names, depth, scope)
    }
  }

  #addCondition(query: Builder, names: readonly string[], depth: number, scope: Scope): void {
    const column = `${this.pick(names)}.${this.pick(NUMBERS)}`
    const within = { ...scope, outer: [...scope.outer, ...names] }
    const isDeep = depth > 0 && this.chance(0.5)
    if (isDeep) this.#addInner(query, column, depth - 1, within)
    else this.#addSimple(query, column, [...names, ...scope.outer])
  }

  #addInner(query: Builder, column: string, depth: number, scope: Scope): void {
    const inner = this.relation(depth, scope)
    const derived = (name: string): Builder => this.knex.queryBuilder().from(inner.as(name))
    const list = (): Builder => derived('list').select('list.id')
    switch (this.number(7)) {
      case 0:
        query.whereIn(column, list())
        break
      case 1:
        query.whereNotIn(column, list())
        break
      case 2:
        query.whereExists(inner)
        break
      case 3:
        query.orWhereNotExists(inner)
        break
      case 4:
        query.where(column, this.pick(OPERATORS), derived('one').max('one.n'))
        break
      case 5: {
        const table = this.table()
        query.whereIn(column, function () {
          this.select('parent').from(table)
        })
        break
      }
      default:
        query.where((group) => group.whereIn(column, list()).orWhereNull(column))
    }
  }

  #addSimple(query: Builder, column: string, names: readonly string[]): void {
    const { knex } = this
    const key = column.replace(/\.\w+$/, '.key')
    switch (this.number(12)) {
      case 0:
        query.where(column, this.value() ?? 1)
        break
      case 1:
        query.whereIn(column, [1, this.number(8), 3])
        break
      case 2:
        query.whereNull(column)
        break
      case 3:
        query.whereBetween(column, [1, this.number(9)])
        break
      case 4:
        query.where(column, this.pick(OPERATORS), knex.ref(`${this.pick(names)}.id`))
        break
      case 5:
        query.andWhere(column, '>=', knex.ref(`${this.pick(names)}.parent`))
        break
      case 6:
        query.where(key, 'like', `k${this.pick(['%', '3', ''])}`)
        break
      case 7:
        query.whereNot(column, this.number(5)).orWhere(column, '>', this.number(5))
        break
      case 8:
        query.where({ [column]: this.number(6) })
        break
      case 9:
        query.where(key, '<>', this.pick(['k1', 'K2', '`', '?', 'select * from `events`']))
        break
      case 10:
        query.where((group) => group.where(column, '>', 1).orWhereIn(column, []))
        break
      default:
        query.where(column, '<=', this.number(9))
    }
  }

  /** A raw fragment: one that Knex's users write, or one that is strange but legal. */
  #addRaw(query: Builder, names: readonly string[]): void {
    const column = `${this.pick(names)}.${this.pick(NUMBERS)}`
    const table = this.table()
    switch (this.number(14)) {
      case 0:
        query.whereRaw('?? = ?', [column, this.number(6)])
        break
      case 1:
        query.whereRaw('?? in (select ?? from ??)', [column, 'parent', table])
        break
      case 2:
        query.joinRaw(', ?? as ??', [table, 'raw'])
        break
      case 3:
        query.joinRaw('inner join ?? as ?? on ?? = ??', [table, 'raw', 'raw.id', column])
        break
      case 4:
        query.joinRaw('cross join (?? as ?? join ?? as ??)', [table, 'r1', this.table(), 'r2'])
        break
      case 5:
        query.joinRaw('join ((?? as ??))', [table, 'raw'])
        break
      case 6:
        query.whereRaw('exists (select 1 from ?? where ?? = ??)', [table, `${table}.id`, column])
        break
      case 7:
        query.whereRaw('coalesce(??, 1) > ?', [column, 2])
        break
      case 8:
        query.whereRaw('(??, ?) in ((1, 2), (?, 3))', [column, 2, 3])
        break
      case 9:
        query.joinRaw('where?, ??', [7, table])
        break
      case 10:
        query.joinRaw('straight_join ??', [table])
        break
      case 11:
        query.whereRaw('?? > all (select ?? from ??)', [column, 'parent', table])
        break
      case 12:
        query.joinRaw('cross join ((select ? as ??) as ??, ??)', [1, 'one', 'r3', table])
        break
      default:
        query.joinRaw('join ?? as ?? using (??)', [table, 'raw', 'parent'])
    }
  }
}
