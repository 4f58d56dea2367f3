/** The test files that need no database. */
export const UNIT_TESTS: readonly string[] = [
  'test/adapters/http/fastify-plugin.test.ts',
  'test/adapters/http/hapi-plugin.test.ts',
  'test/adapters/http/keep-in-scope.test.ts',
  'test/cache/breaker.test.ts',
  'test/cache/key-space.test.ts',
  'test/cache/level.test.ts',
  'test/cache/tenant-entries.test.ts',
  'test/cache/value-codec.test.ts',
  'test/cached-lookup.test.ts',
  'test/connection/answer-meaning.test.ts',
  'test/connection/gate-decision.test.ts',
  'test/connection/harmless-statement.test.ts',
  'test/connection/packets.test.ts',
  'test/connection/session-setup.test.ts',
  'test/connection/session-state.test.ts',
  'test/connection/skipped-answer.test.ts',
  'test/connection/statement-text.test.ts',
  'test/connection/switch-plan.test.ts',
  'test/connection/switch-run.test.ts',
  'test/connection/switching.test.ts',
  'test/identifiers.test.ts',
  'test/knex/table-names.test.ts',
  'test/knex/tenants.test.ts',
  'test/pool/comebacks.test.ts',
  'test/pool/scheduler.test.ts',
  'test/pool/side-connection.test.ts',
  'test/resolve/header.test.ts',
  'test/resolve/host.test.ts',
  'test/resolve/path-segment.test.ts',
  'test/resolve/subdomain.test.ts',
  'test/resolve/tenant-request.test.ts',
]

/** True where all of these need no database. */
export function areUnitTests(tests: readonly string[]): boolean {
  return tests.every((test) => UNIT_TESTS.includes(test))
}
