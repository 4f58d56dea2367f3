import { TenantKnexError } from '../base/errors.ts'

/** What a user's function says of a request: a tenant's id, or that there is none. */
export type NamedTenant = string | null | undefined

/** What is wrong with an id that a user's function gave; undefined where nothing is. */
export function idProblem(value: unknown): string | undefined {
  if (value === '') return 'it gave an empty string, where a tenant’s id is expected'
  if (typeof value === 'string') return undefined
  const hint = typeof value === 'number' || typeof value === 'bigint' ? '; use String(id)' : ''
  const type = Array.isArray(value) ? 'array' : typeof value
  return `it gave a value of type ${type}, where a tenant’s id is expected${hint}`
}

/**
 * The tenant that a user's function names.
 *
 * @param who what messages call the function
 * @throws `ERR_LOOKUP_FAILED` where it gave neither an id nor nothing
 */
export function namedTenant(value: unknown, who: string): string | null {
  if (value === null || value === undefined) return null
  const problem = idProblem(value)
  if (problem === undefined) return value as string
  throw new TenantKnexError('ERR_LOOKUP_FAILED', `${who} failed: ${problem}.`, {
    outcome: 'not-sent',
  })
}
