import { HARMLESS as GENERATED, type Harmless } from '../generated/harmless.ts'

const HERE: readonly Harmless[] = [
  {
    file: 'src/cache/tenant-cache.ts',
    line: 'if (raw === undefined || overdueMillis >= lifetime.staleMillis) {',
    replacement: 'overdueMillis > lifetime.staleMillis',
    reason: 'An old value is used for no measurable time longer.',
  },
  {
    file: 'src/cache/stores/epoch-store.ts',
    line: 'return end > 0 && Number.isFinite(expires)',
    replacement: 'end >= 0',
    reason: 'What is found behind an epoch is never at the very beginning.',
  },
  {
    file: 'src/connection/wire/driver-command.ts',
    line: 'export const executeCommand',
    replacement: '"Stryker was here!"',
    reason: 'The text of a command that is never sent.',
  },
  {
    file: 'src/knex/tenant-runner.ts',
    line: 'let isListening = false',
    replacement: 'true',
    reason: 'Knex calls the handler, which sets it, before anything can fail.',
  },
  {
    file: 'src/pool/scheduling/caps.ts',
    line: 'this.#first = maxPerTenant >= max ? max',
    replacement: 'false',
    reason: 'A tenant that may hold all has the same limit, which is found a few lines later.',
  },
  {
    file: 'src/pool/scheduling/caps.ts',
    line: 'this.#first = maxPerTenant >= max ? max',
    replacement: 'maxPerTenant > max',
    reason: 'The same: no tenant may hold more than all.',
  },
  {
    file: 'src/pool/lending.ts',
    line: 'if (answer === true) return member.connection',
    replacement: 'false',
    reason: 'Whoever is given an idle connection gets it some promises later.',
  },
  {
    file: 'src/testing/plan.ts',
    line: 'random() < 1 / faultEvery',
    replacement: 'random() <= 1 / faultEvery',
    reason: 'A draw is one of four thousand million numbers, and hardly ever this one.',
  },
  {
    file: 'src/testing/watch.ts',
    line: 'Date.now() - this.#tooManySince < CLOSING_MILLIS',
    replacement: 'Date.now() - this.#tooManySince <= CLOSING_MILLIS',
    reason: 'The server has a millisecond more of two seconds.',
  },
]

/** All changes that no test can detect, with the reasons why they are harmless. */
export const HARMLESS: readonly Harmless[] = [...GENERATED, ...HERE]
