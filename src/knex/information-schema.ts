/** The database in which a server describes all others. Servers know it by any case. */
const NAME = 'information_schema'

/**
 * What builders may read there: how databases, tables and routines are made. It is the same in each
 * database of a server, and shows of other tenants no more than names, definitions and counts.
 *
 * All else is refused, as much of it shows what others do or have: `processlist`, `innodb_trx` and
 * `query_cache_info` the statements that run or ran; `optimizer_trace` those of the session;
 * `innodb_locks` keys of rows; `column_statistics` and `innodb_ft_index_table` values of columns. A list of
 * those would not know the tables of the next version, nor of a plugin.
 */
const DESCRIPTIONS = new Set([
  'character_sets',
  'check_constraints',
  'collation_character_set_applicability',
  'collations',
  'columns',
  'columns_extensions',
  'engines',
  'events',
  'key_column_usage',
  'keywords',
  'parameters',
  'partitions',
  'referential_constraints',
  'routines',
  'schemata',
  'schemata_extensions',
  'sequences',
  'st_geometry_columns',
  'statistics',
  'table_constraints',
  'table_constraints_extensions',
  'tables',
  'tables_extensions',
  'triggers',
  'view_routine_usage',
  'view_table_usage',
  'views',
])

/** True for the name of the database that describes all others. */
export function isInformationSchema(database: unknown): database is string {
  return typeof database === 'string' && database.toLowerCase() === NAME
}

/** True for a table there that shows nothing of what others do or have. */
export function isDescription(table: string): boolean {
  return DESCRIPTIONS.has(table.toLowerCase())
}
