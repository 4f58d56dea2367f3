/**
 * The reason why statements for a database need a switch, although their text does not show it:
 *
 * - `triggers`, `views`: it has some
 * - `engines`: it has a table of an engine that can reach other databases or servers
 * - `expressions`: a default or a generated column reads or writes the session
 * - `missing`: there is no such database, or the account may not see it
 * - `unseen`: the account may not see the triggers or the columns of all its tables
 */
export type HiddenCode = 'triggers' | 'views' | 'engines' | 'expressions' | 'missing' | 'unseen'

/** A server's word about a database: `plain` if it has no code that runs unseen. */
export type Verdict = 'plain' | HiddenCode
