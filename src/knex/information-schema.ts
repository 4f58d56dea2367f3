/** The database that describes all databases of a server. Servers accept any case of its name. */
const NAME = 'information_schema'

/**
 * Tables of it that builders may read: they describe how databases, tables and routines are made. Their
 * content is the same from each database of a server. Of other tenants they show only names, definitions and
 * counts.
 *
 * All other tables are refused, because many show what other tenants do or store:
 *
 * - `processlist`, `innodb_trx` and `query_cache_info` show running or past statements.
 * - `optimizer_trace` shows statements of the session.
 * - `innodb_locks` shows keys of rows.
 * - `column_statistics` and `innodb_ft_index_table` show values of columns.
 *
 * This is a list of allowed tables. A list of refused ones would miss tables of the next version, or of a
 * plugin.
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

/** True for the name of that database, in any case. */
export function isInformationSchema(database: unknown): database is string {
  return typeof database === 'string' && database.toLowerCase() === NAME
}

/** True for a table there that shows nothing of what other tenants do or store. */
export function isDescription(table: string): boolean {
  return DESCRIPTIONS.has(table.toLowerCase())
}
