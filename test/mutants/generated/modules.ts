/** The modules that are tested with plain values, and can be tried with every small change. */
export const MODULES: readonly string[] = [
  'src/connection/answer-meaning.ts',
  'src/connection/gate-decision.ts',
  'src/connection/harmless-statement.ts',
  'src/connection/packets.ts',
  'src/connection/session-setup.ts',
  'src/connection/session-state.ts',
  'src/connection/statement-text.ts',
  'src/connection/switch-plan.ts',
  'src/connection/switch-run.ts',
  'src/identifiers.ts',
  'src/knex/guards.ts',
  'src/pool/side-connection.ts',
]
