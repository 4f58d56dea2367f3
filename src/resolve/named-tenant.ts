import { TenantKnexError } from '../base/errors.ts'

/** The result of a user's function: a tenant's id, or null or undefined for no tenant. */
export type NamedTenant = string | null | undefined

/** The problem with an id that a user's function returned. Undefined if there is none. */
export function idProblem(value: unknown): string | undefined {
  if (value === '') return 'it returned an empty string instead of a tenant’s id'
  if (typeof value === 'string') return undefined
  const hint = typeof value === 'number' || typeof value === 'bigint' ? '; use String(id)' : ''
  const type = Array.isArray(value) ? 'array' : typeof value
  return `it returned a value of type ${type} instead of a tenant’s id${hint}`
}

/**
 * Checks the result of a user's function.
 *
 * @param name the function's name in messages
 * @throws `ERR_LOOKUP_FAILED` if it is neither an id nor null or undefined
 */
export function namedTenant(value: unknown, name: string): string | null {
  if (value === null || value === undefined) return null
  const problem = idProblem(value)
  if (problem === undefined) return value as string
  throw new TenantKnexError('ERR_LOOKUP_FAILED', `${name} failed: ${problem}.`, {
    outcome: 'not-sent',
  })
}
