import type { Knex } from 'knex'
import { invalid, isObject, pick, show } from '../base/option-checks.ts'

/** Options that mean the same as in a Knex configuration. */
export interface KnexPassThrough
  extends Pick<
    Knex.Config,
    | 'asyncStackTraces'
    | 'compileSqlOnError'
    | 'debug'
    | 'log'
    | 'migrations'
    | 'postProcessResponse'
    | 'seeds'
    | 'useNullAsDefault'
    | 'version'
    | 'wrapIdentifier'
  > {
  /** Parameters that each bound Knex carries as `userParams`. */
  readonly userParams?: Readonly<Record<string, unknown>>
}

type ValueType = 'boolean' | 'function' | 'object' | 'string'

/** The keys that Knex gets, with the types of their values. */
export const PASS_THROUGH: Readonly<Record<keyof KnexPassThrough, ValueType>> = {
  asyncStackTraces: 'boolean',
  compileSqlOnError: 'boolean',
  debug: 'boolean',
  log: 'object',
  migrations: 'object',
  postProcessResponse: 'function',
  seeds: 'object',
  useNullAsDefault: 'boolean',
  userParams: 'object',
  version: 'string',
  wrapIdentifier: 'function',
}

/** Picks the options that are passed to Knex. @throws `ERR_OPTION_INVALID` */
export function passedThrough(user: KnexPassThrough): KnexPassThrough {
  const given = pick(user, Object.keys(PASS_THROUGH) as (keyof KnexPassThrough)[])
  for (const [name, value] of Object.entries(given)) {
    const type = PASS_THROUGH[name as keyof KnexPassThrough]
    const isRight = type === 'object' ? isObject(value) : typeof value === type
    if (!isRight) throw invalid(`\`${name}\` must be of type ${type}, got ${show(value)}.`)
  }
  return given
}
