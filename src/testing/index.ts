export { storm } from './storm.ts'
export type { FaultContext, StormFault } from './storm-fault.ts'
export {
  type MarkedRow,
  type StormContext,
  type StormOperation,
  StormViolation,
} from './storm-operation.ts'
export type { StormOptions } from './storm-options.ts'
export { type ReportedViolation, StormError, type StormReport } from './storm-report.ts'
export type { StormWitness, WitnessedStatement } from './storm-witness.ts'
export { createStormTables, dropStormTables } from './tables.ts'
