import { TenantKnexError } from '../base/errors.ts'

const MAX_ID_LENGTH = 128
const MAX_DATABASE_LENGTH = 64 // MySQL manual 11.2.1, "Identifier Length Limits"
const DEFAULT_PREFIX = 'tenant_'
const DEFAULT_MAPPING_ID = /^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/
const MAX_DEFAULT_MAPPING_ID_LENGTH = MAX_DATABASE_LENGTH - DEFAULT_PREFIX.length

/** Databases that belong to the server. */
const RESERVED = new Set(['information_schema', 'mysql', 'ndbinfo', 'performance_schema', 'sys'])

/**
 * Checks that a value can be a tenant's id: a well-formed string of 1 to 128 UTF-16 units without
 * control characters.
 *
 * @throws `ERR_TENANT_ID_INVALID`
 */
export function checkTenantId(value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidId(value, `expected a string, got ${idType(value)}`)
  if (value.length === 0) throw invalidId(value, 'it is empty')
  if (value.length > MAX_ID_LENGTH) {
    throw invalidId(
      value,
      `it has ${value.length} characters, at most ${MAX_ID_LENGTH} are allowed`,
    )
  }
  if (!value.isWellFormed()) throw invalidId(value, 'it contains a lone surrogate')
  if (hasControlCharacter(value)) throw invalidId(value, 'it contains a control character')
}

/**
 * The default mapping of a tenant's id to its database: `tenant_<id>`. It is injective because it accepts
 * only ids that need no escaping.
 *
 * @throws `ERR_TENANT_ID_INVALID` for ids with other characters than lower-case ASCII letters, digits, and
 * inner `-` and `_`, and for ids of more than 57 characters
 */
export function defaultDatabase(tenantId: string): string {
  if (!DEFAULT_MAPPING_ID.test(tenantId)) {
    throw invalidId(
      tenantId,
      'the default mapping accepts lower-case letters, digits, and inner "-" and "_" only. ' +
        'Pass your own `database` function to use other ids',
    )
  }
  if (tenantId.length > MAX_DEFAULT_MAPPING_ID_LENGTH) {
    throw invalidId(
      tenantId,
      `it has ${tenantId.length} characters; the default mapping leaves room for ` +
        `${MAX_DEFAULT_MAPPING_ID_LENGTH}. Pass your own \`database\` function to use longer ids`,
    )
  }
  return DEFAULT_PREFIX + tenantId
}

/**
 * Checks that a mapping's result can be the name of a tenant's database on any server, even if the server's
 * file system ignores upper and lower case.
 *
 * @throws `ERR_DATABASE_NAME_INVALID`
 */
export function checkDatabaseName(value: unknown, tenantId: string): asserts value is string {
  const problem = databaseNameProblem(value)
  if (problem === undefined) return
  throw new TenantKnexError(
    'ERR_DATABASE_NAME_INVALID',
    `The database of tenant ${JSON.stringify(tenantId)} cannot be used: ${problem}. ` +
      'Correct the `database` function.',
    { tenant: tenantId, outcome: 'not-sent' },
  )
}

function databaseNameProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `expected a string, got ${nameType(value)}`
  if (value.length === 0) return 'the name is empty'
  if (value.length > MAX_DATABASE_LENGTH) {
    return `the name has ${value.length} characters, at most ${MAX_DATABASE_LENGTH} are allowed`
  }
  if (/[^\x20-\x7e]/.test(value)) return 'the name contains characters that are not printable ASCII'
  if (/[`/\\.]/.test(value)) return 'the name contains a backtick, slash, backslash or dot'
  if (value.trim() !== value) return 'the name begins or ends with a space'
  if (/[A-Z]/.test(value)) return 'the name contains upper case, which some servers fold'
  if (RESERVED.has(value)) return `${JSON.stringify(value)} is reserved by the server`
  return undefined
}

function invalidId(value: unknown, problem: string): TenantKnexError {
  const tenant = typeof value === 'string' ? value.slice(0, MAX_ID_LENGTH) : undefined
  const shown = tenant === undefined ? '' : ` ${JSON.stringify(tenant)}`
  return new TenantKnexError('ERR_TENANT_ID_INVALID', `Invalid tenant id${shown}: ${problem}.`, {
    tenant,
    outcome: 'not-sent',
  })
}

/** True for a text that could break a line of a log, or do worse. */
export function hasControlCharacter(value: string): boolean {
  return /\p{Cc}/u.test(value)
}

/** The type of a value that was passed as a tenant's id, for a message. */
export function idType(value: unknown): string {
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  return isNumber ? `${typeof value}; use String(id)` : nameType(value)
}

function nameType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
