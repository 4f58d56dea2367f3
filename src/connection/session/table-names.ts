import { words } from '../../base/words.ts'
import { isName, NotUnderstood, type Token, Tokens } from './tokens.ts'
import { isAmong, type Visible } from './visible-names.ts'

/*
 * Finds the names of tables in the text of a plain query, by the grammar of the statements that Knex's query
 * builder writes. If a text is not certainly of that grammar, it is refused.
 */

/** Words that may follow a table and its alias. A comma may not: it would bring in another table. */
const AFTER_TABLE = new Set(
  words(
    `cross for from group having inner join left limit lock natural on order right select set union using values
    where`,
  ),
)
/** Words after which no table follows until the next FROM or JOIN. */
const AFTER_TABLES = new Set(words('for group having limit lock order set union where'))
/** Words and signs that may follow a query in parentheses. An alias would make a table of it, in a list of tables. */
const AFTER_QUERY = new Set<string | undefined>([')', 'union', 'order', 'limit'])

/** The part of a query that is being read. `tables`: a list of tables and the conditions of its joins. */
type Clause = 'begin' | 'select' | 'insert' | 'tables' | 'other'

/**
 * The places in a text at which the name of a table begins, in ascending order. The names of common table
 * expressions, aliases and columns are not among them. Undefined if the text is not understood.
 *
 * @param sql a plain query: only words of Knex's query builder, names in backticks, and placeholders
 */
export function findTableNames(sql: string): readonly number[] | undefined {
  try {
    return new Reader(sql).read()
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined
    throw error
  }
}

/** Queries inside queries, at most: reading deeper ones could exhaust the stack. */
const MAX_DEPTH = 100

/** Reads one statement from its beginning to its end. */
class Reader {
  readonly #tokens: Tokens
  #depth = 0
  /** The names of all common table expressions. */
  readonly #expressions: string[] = []
  /** The names in the list of tables that is being read. */
  #names: string[] = []
  /** The tables found so far. */
  readonly #tables: Token[] = []

  constructor(sql: string) {
    this.#tokens = new Tokens(sql)
  }

  read(): number[] {
    this.#readQuery([])
    if (this.#tokens.peek() !== undefined) throw new NotUnderstood()
    // A table with the name of an expression that it cannot see: servers differ in what it means.
    if (this.#tables.some(({ text }) => isAmong(text, this.#expressions))) throw new NotUnderstood()
    return this.#tables.map(({ at }) => at)
  }

  /** Reads up to the closing parenthesis, or to the end of the text. */
  #readQuery(outer: Visible): void {
    const namesAround = this.#names
    this.#names = []
    let visible = outer
    let clause: Clause = 'begin'
    for (
      let text = this.#tokens.peek();
      text !== undefined && text !== ')';
      text = this.#tokens.peek()
    ) {
      if (text === 'with' && clause === 'begin') visible = this.#readWith(visible)
      else if (text === '(') this.#readInner(clause, visible)
      else if (isName(text)) this.#readColumn(clause)
      else clause = this.#readWord(text, clause, visible)
    }
    this.#names = namesAround
  }

  /**
   * Reads parentheses in an expression. If they are selected and contain a table, they need an alias. Without
   * one the server calls the column by the text, and the text names the database.
   */
  #readInner(clause: Clause, visible: Visible): void {
    const count = this.#tables.length
    this.#readParentheses(visible)
    if (clause !== 'select' || this.#tables.length === count) return
    this.#tokens.expect('as')
    this.#tokens.readName()
  }

  #readParentheses(visible: Visible, isTable = false): void {
    if (++this.#depth > MAX_DEPTH) throw new NotUnderstood()
    this.#tokens.expect('(')
    if (isTable) this.#readBeginOfDerived(visible)
    this.#readQuery(visible)
    this.#tokens.expect(')')
    this.#depth--
  }

  /** Reads a word or a sign, and the table behind it. */
  #readWord(text: string, clause: Clause, visible: Visible): Clause {
    const before = this.#tokens.last
    this.#tokens.next()
    switch (text) {
      case 'select':
        this.#names = []
        return 'select'
      case 'insert':
        return expectClause(clause, 'begin') && 'insert'
      case 'delete':
        expectClause(clause, 'begin')
        return this.#readDelete(visible)
      case 'into':
        expectClause(clause, 'insert')
        this.#readTable(visible, '(')
        return 'other'
      case 'from':
        expectClause(clause, 'select')
        this.#readTable(visible)
        return 'tables'
      case 'join':
        expectClause(clause, 'tables')
        this.#readTable(visible)
        return 'tables'
      case 'update':
        if (before === 'for' || before === 'key') return 'other'
        expectClause(clause, 'begin')
        this.#readTable(visible)
        return 'tables'
      case ',':
        if (clause === 'tables') throw new NotUnderstood()
        return clause
      case 'using': // columns; without parentheses, the tables of a DELETE
        if (this.#tokens.peek() !== '(') throw new NotUnderstood()
        return clause
      case 'values': // in the condition of a join it is a function
        if (clause === 'tables') throw new NotUnderstood()
        return 'other'
      case 'with':
      case 'of':
        throw new NotUnderstood()
      default:
        return AFTER_TABLES.has(text) ? 'other' : clause
    }
  }

  /** Reads `table.column`. A name in front of those would be a database's. INSERT needs no INTO. */
  #readColumn(clause: Clause): void {
    if (clause === 'insert' || this.#readDotted().length > 2) throw new NotUnderstood()
  }

  /** Reads a name, and those behind it that are joined by dots. */
  #readDotted(): Token[] {
    const names = [this.#tokens.readName()]
    while (this.#tokens.accept('.')) {
      names.push(this.#tokens.peek() === '*' ? this.#tokens.next() : this.#tokens.readName())
    }
    return names
  }

  /**
   * Reads a table and its alias: a name, or a query in parentheses.
   *
   * @param mayFollow a sign that may follow, besides the usual words
   * @returns the name, if the table has no alias
   */
  #readTable(visible: Visible, mayFollow?: string): string | undefined {
    let name: string | undefined
    if (this.#tokens.peek() === '(') this.#readParentheses(visible, true)
    else name = this.#readTableName(visible)
    if (this.#tokens.accept('as') || isName(this.#tokens.peek() ?? '')) {
      this.#add(this.#tokens.readName().text)
      name = undefined
    } else if (name) this.#add(name)
    const next = this.#tokens.peek()
    const isEnd = next === undefined || next === ')' || next === mayFollow
    if (!isEnd && !AFTER_TABLE.has(next)) throw new NotUnderstood()
    return name
  }

  /** Reads the beginning of a derived table. Parentheses can also contain tables, and a join of them. */
  #readBeginOfDerived(visible: Visible): void {
    const text = this.#tokens.peek()
    if (text === 'select' || text === 'with') return
    this.#readParentheses(visible, true)
    if (!AFTER_QUERY.has(this.#tokens.peek())) throw new NotUnderstood()
  }

  /** Adds to the names of a list of tables. Servers allow a name twice if the tables' databases differ. */
  #add(name: string): void {
    const lower = name.toLowerCase()
    if (this.#names.includes(lower)) throw new NotUnderstood()
    this.#names.push(lower)
  }

  #readTableName(visible: Visible): string {
    const names = this.#readDotted()
    if (names.length > 1) throw new NotUnderstood()
    const [token] = names as [Token]
    if (!isAmong(token.text, visible)) this.#tables.push(token)
    return token.text
  }

  /** Reads from the target of a DELETE to its first table. With joins, the target is named first. */
  #readDelete(visible: Visible): Clause {
    const target = this.#tokens.peek() === 'from' ? undefined : this.#tokens.readName()
    if (target) this.#tables.push(target)
    this.#tokens.expect('from')
    const count = this.#tables.length
    const name = this.#readTable(visible)
    // A common table expression cannot be a target. Behind USING come the tables, and it named a target only.
    if (this.#tables.length === count || this.#tokens.peek() === 'using') throw new NotUnderstood()
    if (target && name !== target.text) throw new NotUnderstood()
    return 'tables'
  }

  /** Reads common table expressions, and returns the names that the query behind them can see. */
  #readWith(outer: Visible): Visible {
    this.#tokens.expect('with')
    // MariaDB does not see the outer names in there, but tables with these names.
    if (outer.length > 0) throw new NotUnderstood()
    const isRecursive = this.#tokens.accept('recursive')
    const names: string[] = []
    do {
      const name = this.#tokens.readName().text
      if (this.#tokens.peek() === '(') this.#readParentheses([])
      this.#tokens.expect('as')
      this.#readParentheses([...names, ...(isRecursive ? [name] : [])])
      names.push(name)
    } while (this.#tokens.accept(','))
    this.#expressions.push(...names)
    return names
  }
}

function expectClause(clause: Clause, expected: Clause): true {
  if (clause !== expected) throw new NotUnderstood()
  return true
}
