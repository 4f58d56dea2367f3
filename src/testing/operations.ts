import { BUILT_READ_OPERATIONS, INSERT_ID_OPERATIONS } from './operations/built.ts'
import { CANCELLATION_OPERATIONS } from './operations/cancellations.ts'
import { MISTAKE_OPERATIONS } from './operations/mistakes.ts'
import { READ_OPERATIONS } from './operations/reads.ts'
import { SESSION_OPERATIONS } from './operations/sessions.ts'
import { TRANSACTION_OPERATIONS } from './operations/transactions.ts'
import { WRITE_OPERATIONS } from './operations/writes.ts'
import type { StormOperation } from './storm-operation.ts'

/** The operations that every storm chooses from. */
export const OPERATIONS: readonly StormOperation[] = [
  ...READ_OPERATIONS,
  ...BUILT_READ_OPERATIONS,
  ...WRITE_OPERATIONS,
  ...INSERT_ID_OPERATIONS,
  ...TRANSACTION_OPERATIONS,
  ...SESSION_OPERATIONS,
  ...MISTAKE_OPERATIONS,
  ...CANCELLATION_OPERATIONS,
]
