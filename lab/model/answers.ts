import { NEUTRAL_DATABASE } from './session-content.ts'
import type { Statement } from './statement.ts'
import type { Request } from './wire.ts'

/**
 * A server's answers to a step of a switch. `ok elsewhere` names another database. `ok twice`: the step was
 * two statements.
 */
export type StepAnswer = 'ok' | 'ok elsewhere' | 'ok twice' | `error ${number}`

/** A server's answers to a statement. `rest`: the rows, after the columns have been sent. */
export type StatementAnswer =
  | 'ok'
  | 'rest'
  | `error ${number}`
  | 'hidden error'
  | 'hidden begin, error'
  | 'hidden rows'
  | 'hidden ok'
  | 'hidden there and back'
  | 'database gone'
  | 'warnings'
  | 'foreign column'

export type Answer = StepAnswer | StatementAnswer

/**
 * The possible answers to a step of a switch, the usual one first. No server refuses the neutral database.
 *
 * @param mayBeElsewhere true if the server may name another database than requested; then no statement may
 * leave with its switch
 */
export function stepAnswers(step: Request, mayBeElsewhere: boolean): StepAnswer[] {
  if (step.kind === 'sql') return ['ok', 'error 1064', 'ok twice']
  if (step.kind !== 'database') return ['ok', 'error 1064']
  if (step.database === NEUTRAL_DATABASE) return ['ok']
  const answers: StepAnswer[] = ['ok', 'error 1049', 'error 1044', 'error 1317']
  return mayBeElsewhere ? [...answers, 'ok elsewhere'] : answers
}

/**
 * The possible answers to a statement, the usual one first.
 *
 * @param isTracked true if the server reports that a statement has left its database; without a report it
 * cannot be noticed
 */
export function statementAnswers(
  { kind, named }: Statement,
  isTracked: boolean,
): StatementAnswer[] {
  if (kind === 'built') {
    const answers: StatementAnswer[] = ['ok', 'error 1064', 'error 1290', 'warnings']
    return named === undefined ? answers : [...answers, 'foreign column']
  }
  if (kind === 'insert' || kind === 'define' || kind === 'drop') return ['ok', 'error 1064']
  if (kind === 'COMMIT' || kind === 'ROLLBACK') return ['ok', 'error 1064']
  const answers: StatementAnswer[] = ['ok', 'error 1064', 'error 1290', 'hidden begin, error']
  if (!isTracked) return answers
  answers.push('hidden error', 'hidden ok', 'hidden there and back', 'database gone')
  return kind === 'BEGIN' ? answers : [...answers, 'hidden rows']
}

/** The number of an error. */
export function errnoOf(answer: Answer): number {
  return Number(answer.split(' ')[1])
}

/** True if the pool must close the connection, at the latest after its holder's time. */
export function endsConnection(answer: Answer): boolean {
  return answer === 'error 1290'
}
