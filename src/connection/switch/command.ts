import type { WireCommand } from '../wire/driver.ts'
import { SwitchFailure, type SwitchRun } from './run.ts'

/**
 * A plan as a command of mysql2's. A failure after which the connection cannot go on is thrown, so
 * that mysql2 ends the connection.
 */
export function switchCommand(
  run: SwitchRun,
  onResult: (error: Error | null) => void,
): WireCommand {
  return {
    onResult,
    stateName: () => 'switch', // mysql2 asks for it where it is told to log what it does
    execute(packet) {
      if (packet === undefined) {
        run.start()
        return false
      }
      try {
        if (!run.answer(packet)) return false
        onResult(null)
      } catch (error) {
        if (!(error instanceof SwitchFailure && error.isRecoverable)) throw error
        onResult(error)
      }
      return true
    },
  }
}
