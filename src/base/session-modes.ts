/**
 * When a session is cleaned between two holders of its connection: the option `clean`.
 *
 * - `hand-over`: when the connection passes to another tenant.
 * - `always`: after each release.
 */
export type CleanMode = 'hand-over' | 'always'

/**
 * Whether statements of the query builder name the tenant's database themselves: the option `qualify`.
 *
 * - `auto`: if that is certain to mean the same, and the database has no hidden code.
 * - `never`.
 */
export type QualifyMode = 'auto' | 'never'

/**
 * Whether a statement leaves in the same write as the switch before it: the option `switching`.
 *
 * - `auto`: if the statement is safe to send and the switch is expected to succeed.
 * - `pipelined`: if the connection can do it.
 * - `roundtrip`: never. The statement waits until the switch is confirmed.
 */
export type SwitchMode = 'auto' | 'pipelined' | 'roundtrip'
