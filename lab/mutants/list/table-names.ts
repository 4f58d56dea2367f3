import type { Mutant } from '../mutant.ts'

const TABLES = 'src/connection/session/table-names.ts'
const EFFECTS = 'src/connection/session/statement-effects.ts'
const tests = ['test/unit/connection/session/self-contained.test.ts']

/** The names of tables in a statement that runs in any database. */
export const TABLE_NAMES: readonly Mutant[] = [
  {
    name: 'take tables in two pairs of parentheses for a query',
    harm: 'they are read in whatever database the connection is',
    file: TABLES,
    search: '    if (!AFTER_QUERY.has(this.#tokens.peek())) throw new NotUnderstood()\n',
    replace: '',
    tests,
    isQuick: true,
  },
  {
    name: 'take the function VALUES for the end of a list of tables',
    harm: 'a table behind it is read in whatever database the connection is',
    file: TABLES,
    search: "        if (clause === 'tables') throw new NotUnderstood()\n        return 'other'",
    replace: "        return 'other'",
    tests,
    isQuick: true,
  },
  {
    name: 'overlook the table of an INSERT without INTO',
    harm: 'rows go into a table of whatever database the connection is in',
    file: TABLES,
    search: "clause === 'insert' || ",
    replace: '',
    tests,
    isQuick: true,
  },
  {
    name: 'trust MariaDB to see the outer common table expressions in inner ones',
    harm: 'it reads tables with their names in whatever database the connection is',
    file: TABLES,
    search: '    if (outer.length > 0) throw new NotUnderstood()\n',
    replace: '    void outer\n',
    tests,
    isQuick: true,
  },
  {
    name: 'let a server name a column by a text with the tenant’s database',
    harm: 'rows have other keys than plain Knex’s',
    file: TABLES,
    search: "if (clause !== 'select' || this.#tables.length === count) return",
    replace: "if (clause !== 'select' || this.#tables.length >= count) return",
    tests,
    isQuick: true,
  },
  {
    name: 'overlook the tables behind the USING of a DELETE',
    harm: 'they are read in whatever database the connection is',
    file: TABLES,
    search: "this.#tables.length === count || this.#tokens.peek() === 'using'",
    replace: 'this.#tables.length === count',
    tests,
    isQuick: true,
  },
  {
    name: 'let a common table expression be the target of a DELETE',
    harm: 'the target is a table, and what is named by FROM is not',
    file: TABLES,
    search: "this.#tables.length === count || this.#tokens.peek() === 'using'",
    replace: "this.#tokens.peek() === 'using'",
    tests,
    isQuick: true,
  },
  {
    name: 'let a list of tables have a name twice',
    harm: 'a DELETE that plain Knex’s server refuses takes rows',
    file: TABLES,
    search: '    if (this.#names.includes(lower)) throw new NotUnderstood()\n',
    replace: '',
    tests,
    isQuick: true,
  },
  {
    name: 'take a word that a value becomes a part of for a keyword',
    harm: 'the word is an alias, and a table behind a comma is read in any database',
    file: EFFECTS,
    search: String.raw`|\w\?|\?\w`,
    replace: '',
    tests,
    isQuick: true,
  },
  {
    name: 'take a column that is called as a keyword for one',
    harm: 'a table behind a comma is read in any database',
    file: EFFECTS,
    search: String.raw`|\.\s*[a-z_]/i`,
    replace: '/i',
    tests,
    isQuick: true,
  },
]
