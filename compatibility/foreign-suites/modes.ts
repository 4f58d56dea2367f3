/**
 * The Knex that the tests get:
 *
 * - `plain`: Knex itself.
 * - `bound`: a bound Knex, from a tenantKnex with the same configuration.
 * - `neighbour`: the same over a pool of 4, while another tenant leaves traces in its sessions.
 */
export type Mode = 'plain' | 'bound' | 'neighbour'

/** The modes that are compared with `plain`. */
export const OURS: readonly Mode[] = ['bound', 'neighbour']
