import { TenantKnexError } from '../base/errors.ts'
import { show } from '../base/option-checks.ts'
import { innards, type TenantKnex } from '../tenant-knex.ts'
import { OPERATIONS } from './operations.ts'
import type { StormFault } from './storm-fault.ts'
import type { StormOperation } from './storm-operation.ts'
import type { StormWitness } from './storm-witness.ts'

/** The options of a storm. */
export interface StormOptions {
  /** The application's own tenantKnex, configured as in production. */
  readonly tenantKnex: TenantKnex
  /** Two or more tenants. `createStormTables` must have prepared their databases. */
  readonly tenants: readonly string[]
  /** The same seed gives the same plan. @defaultValue 1 */
  readonly seed?: number
  /** How many operations. @defaultValue 10_000 */
  readonly operations?: number
  /** Operations at a time. Choose more than the pool has connections. @defaultValue 32 */
  readonly workers?: number
  /** The application's own operations. They are mixed with the storm's. */
  readonly ownOperations?: readonly StormOperation[]
  /** The faults to make. Without faults, no operation may fail. */
  readonly faults?: readonly StormFault[]
  /** Operations from one fault to the next, on average. @defaultValue 200 */
  readonly faultEvery?: number
  /** Watches the server itself during the storm. */
  readonly witness?: StormWitness
  /** How long an operation may take, in milliseconds. @defaultValue 60_000 */
  readonly timeoutMillis?: number
}

/** The checked options, with all defaults. */
export interface ResolvedStormOptions
  extends Required<Omit<StormOptions, 'ownOperations' | 'operations' | 'witness'>> {
  /** The number of operations. */
  readonly count: number
  readonly operations: readonly StormOperation[]
  readonly witness: StormWitness
}

const NAMES: ReadonlySet<string> = new Set([
  'tenantKnex',
  'tenants',
  'seed',
  'operations',
  'workers',
  'ownOperations',
  'faults',
  'faultEvery',
  'witness',
  'timeoutMillis',
] satisfies (keyof StormOptions)[])

/** A tag has at most 64 characters, and the claims of a storm take a few bytes for each operation. */
const MOST_OPERATIONS = 100_000_000

/** @throws `ERR_OPTION_INVALID` */
export function resolveStormOptions(options: StormOptions): ResolvedStormOptions {
  const { tenantKnex, tenants, ownOperations = [], faults = [], witness = {} } = options
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) throw invalid(`\`${name}\` is unknown. Known: ${[...NAMES].join(', ')}`)
  }
  innards(tenantKnex, messageOf('`tenantKnex` must be what `createTenantKnex` returned'))
  if (!Array.isArray(tenants) || new Set(tenants).size !== tenants.length || tenants.length < 2) {
    throw invalid('`tenants` must be a list of two or more ids, each once')
  }
  return {
    tenantKnex,
    tenants,
    seed: wholeNumber('seed', options.seed ?? 1, 0, 2 ** 32 - 1),
    count: wholeNumber('operations', options.operations ?? 10_000, 1, MOST_OPERATIONS),
    workers: wholeNumber('workers', options.workers ?? 32, 1, 10_000),
    operations: [...OPERATIONS, ...ownOperations],
    faults,
    faultEvery: wholeNumber('faultEvery', options.faultEvery ?? 200, 1, MOST_OPERATIONS),
    witness,
    timeoutMillis: wholeNumber('timeoutMillis', options.timeoutMillis ?? 60_000, 1, 2 ** 31 - 1),
  }
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw invalid(`\`${name}\` must be a whole number from ${min} to ${max}, got ${show(value)}`)
}

function invalid(problem: string): TenantKnexError {
  return new TenantKnexError('ERR_OPTION_INVALID', messageOf(problem))
}

function messageOf(problem: string): string {
  return `Invalid options of a storm: ${problem}.`
}
