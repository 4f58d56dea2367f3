/*
 * The questions about the code in databases. Each answers rows of a database's name and texts, and none for
 * most databases.
 *
 * MariaDB looks at one database's files if its name is compared by `=` with the column that it looks up by,
 * else at those of all databases. MySQL has tables with indices behind information_schema. There a list is
 * many times as fast as a union.
 */

/** Engines whose tables are their own, and run no code. */
const ENGINES = [
  'InnoDB',
  'MyISAM',
  'Aria',
  'MEMORY',
  'ARCHIVE',
  'CSV',
  'BLACKHOLE',
  'ROCKSDB',
  'ndbcluster',
]
/** `SEQUENCE`: it gives values only to an expression that names it. */
const TABLE_TYPES = ['BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE']

/** Asked first: quotes and backslashes mean the same in questions and answers then. */
export const SETTINGS = `SET SESSION sql_mode = '', sql_quote_show_create = 1`

/** A question about many databases. */
export type Question = (databases: readonly string[]) => string

/** The questions of a kind of server. */
export interface Questions {
  /** Rows: the names of those that exist. */
  readonly existing: Question
  /** Rows: the name of a database for each table with triggers, or each trigger. */
  readonly triggers: Question
  /** Rows: a database's name and a table's type, if the table may be or reach hidden code. */
  readonly tables: Question
  /** Rows: a database's name and expressions of one column. */
  readonly expressions: Question
}

const EXISTING = 'SELECT schema_name FROM information_schema.schemata'
const TRIGGERS = 'SELECT DISTINCT event_object_schema FROM information_schema.triggers'
const TABLES = 'SELECT DISTINCT table_schema, table_type FROM information_schema.tables'
const OTHER_TABLES = `(table_type NOT IN (${list(TABLE_TYPES)}) OR engine IS NULL OR engine NOT IN (${list(ENGINES)}))`

/** Literals and the time, which most defaults are. */
const PLAIN_DEFAULT = `'^(NULL|-?[0-9.]+|current_timestamp[(][0-6]?[)]|\\'[^\\'\\\\\\\\]*\\')$'`

export const MARIADB_QUESTIONS: Questions = {
  existing: ofEach(EXISTING, 'schema_name'),
  triggers: ofEach(TRIGGERS, 'event_object_schema'),
  tables: ofEach(TABLES, 'table_schema', OTHER_TABLES),
  expressions: ofEach(
    'SELECT table_schema, column_default, generation_expression FROM information_schema.columns',
    'table_schema',
    `(generation_expression IS NOT NULL OR column_default NOT REGEXP ${PLAIN_DEFAULT})`,
  ),
}

/** MySQL itself refuses all that is not pure in generated columns, functional indices and checks. */
export const MYSQL_QUESTIONS: Questions = {
  existing: ofAll(EXISTING, 'schema_name'),
  triggers: ofAll(TRIGGERS, 'event_object_schema'),
  tables: ofAll(TABLES, 'table_schema', OTHER_TABLES),
  expressions: ofAll(
    'SELECT table_schema, column_default FROM information_schema.columns',
    'table_schema',
    `extra LIKE '%DEFAULT_GENERATED%' AND column_default NOT REGEXP '^CURRENT_TIMESTAMP([(][0-6][)])?$'`,
  ),
}

function ofEach(select: string, column: string, condition = '1'): Question {
  const ofOne = (database: string) =>
    `${select} WHERE ${column} = ${literal(database)} AND ${condition}`
  return (databases) => databases.map(ofOne).join(' UNION ALL ')
}

function ofAll(select: string, column: string, condition = '1'): Question {
  return (databases) =>
    `${select} WHERE ${column} IN (${databases.map(literal).join(', ')}) AND ${condition}`
}

/** In hexadecimal digits, so that no character set of the connection can change it. */
function literal(database: string): string {
  return `_utf8mb4 X'${Buffer.from(database).toString('hex')}'`
}

function list(texts: readonly string[]): string {
  return texts.map((text) => `'${text}'`).join(', ')
}
