import {
  type Outcome,
  serverErrno,
  TenantKnexError,
  type TenantKnexErrorCode,
} from '../../base/errors.ts'
import { aboutPlace, type Place } from '../../tenants/place.ts'
import type { SwitchStep } from './plan.ts'

/** The server's errors for a database that it refuses. */
export const ER_DBACCESS_DENIED = 1044
export const ER_BAD_DB = 1049

/** A switch that did not succeed. */
export class SwitchFailure extends Error {
  readonly step: SwitchStep
  /** True if the server refused the database and nothing else. */
  readonly isRecoverable: boolean
  /** True if the connection must be closed. */
  endsConnection: boolean

  constructor(step: SwitchStep, problem: string, isRecoverable: boolean, cause?: unknown) {
    super(problem, { cause })
    this.step = step
    this.isRecoverable = isRecoverable
    this.endsConnection = !isRecoverable
  }
}

/**
 * The error that a caller gets if the switch before the statement failed.
 *
 * @param outcome what became of the statement
 */
export function switchError(
  failure: SwitchFailure,
  place: Place | undefined,
  connectionId: number,
  outcome: Outcome = 'not-sent',
): TenantKnexError {
  const message = failureMessage(failure, place) + fate(failure, outcome) + closing(failure)
  return new TenantKnexError(failureCode(failure), message, {
    ...aboutPlace(place),
    connectionId,
    outcome,
    cause: failure.cause ?? failure,
  })
}

/** Says what became of a statement that has left with its switch. */
function fate({ isRecoverable }: SwitchFailure, outcome: Outcome): string {
  switch (outcome) {
    case 'not-sent':
      return ''
    case 'failed':
      return ' The statement left with the switch, and was answered with an error too.'
    case 'executed':
      return isRecoverable
        ? ' The statement left with the switch and has run, in no database but those it names itself.'
        : ' The statement left with the switch and has run; its result is withheld.'
    case 'unknown':
      return ' The statement left with the switch; what became of it is not known.'
  }
}

/** Says what the failure of a switch ends, if its own message does not. */
function closing({ isRecoverable, endsConnection }: SwitchFailure): string {
  if (!isRecoverable || !endsConnection) return ''
  return ' The connection was closed, and the server rolls back a transaction that was open on it.'
}

function failureCode({ step, isRecoverable, cause }: SwitchFailure): TenantKnexErrorCode {
  if (step.kind === 'set') return 'ERR_SESSION_SETUP_FAILED'
  if (!isRecoverable) return 'ERR_SWITCH_FAILED'
  return serverErrno(cause) === ER_BAD_DB
    ? 'ERR_TENANT_DATABASE_MISSING'
    : 'ERR_TENANT_DATABASE_DENIED'
}

function failureMessage(failure: SwitchFailure, place: Place | undefined): string {
  const { step, message } = failure
  const whose = place
    ? `tenant ${JSON.stringify(place.tenant.id)} (database ${JSON.stringify(place.database)})`
    : 'a new connection'
  switch (failureCode(failure)) {
    case 'ERR_TENANT_DATABASE_MISSING':
      return `The database of ${whose} does not exist. Create it, or check the tenant's id.`
    case 'ERR_TENANT_DATABASE_DENIED':
      return `The server denies access to the database of ${whose}. Grant the account its rights.`
    case 'ERR_SESSION_SETUP_FAILED':
      return `Setting up the session for ${whose} failed at ${describe(step)}: ${message}. Each \`session\` statement must be answered by one OK.`
    default:
      return `Switching to ${whose} failed at ${describe(step)}: ${message}. The connection was closed.`
  }
}

/** Names a step. The user's own statements are not quoted: they may hold what no log should. */
function describe(step: SwitchStep): string {
  return step.kind === 'set' ? `a SET statement` : `the ${step.kind} step`
}

/**
 * The error that all commands of a connection get whose switch took too long.
 *
 * @param outcome what became of the statement
 */
export function switchTimeoutError(
  place: Place | undefined,
  connectionId: number,
  millis: number,
  outcome: Outcome,
): TenantKnexError {
  return new TenantKnexError(
    'ERR_SWITCH_TIMEOUT',
    `Switching the connection took more than ${millis} ms, so it was closed. ` +
      'A database that is being dropped can cause this; see `switchTimeoutMillis`.',
    { ...aboutPlace(place), connectionId, outcome },
  )
}
