/** A change that no test can detect, and the reason why it is harmless. */
export interface Harmless {
  readonly file: string
  /** A part of the changed line. */
  readonly line: string
  /** Stryker's replacement, with single spaces. */
  readonly replacement: string
  readonly reason: string
}

const TEXT = 'src/connection/session/statement-text.ts'
const GUARDS = 'src/knex/guards.ts'
const HEAP = 'src/pool/scheduling/heap.ts'
const SCHEDULER = 'src/pool/scheduling/scheduler.ts'
const WAITERS = 'src/pool/scheduling/waiters.ts'

/** All harmless changes. */
export const HARMLESS: readonly Harmless[] = [
  {
    file: 'src/connection/wire/packets.ts',
    line: 'if (first < 0xfb) return 0',
    replacement: 'first <= 0xfb',
    reason: 'No integer begins with 0xfb: in a row it stands for NULL, and an OK has no rows.',
  },
  {
    file: 'src/connection/session/state.ts',
    line: 'return a === b || (a.id === b.id && a.database === b.database)',
    replacement: 'false',
    reason: 'One object is equal to itself by its fields too; to compare the objects is faster.',
  },
  {
    file: TEXT,
    line: 'const LEADING =',
    replacement: String.raw`/(?:\s|;|--[^\n]*\n|#[^\n]*\n|\/\*(?!M?!)[\s\S]*?\*\/)*/`,
    reason: 'It matches the empty text too, so the first match is always at the beginning.',
  },
  {
    file: TEXT,
    line: 'const start = LEADING.exec(sql)?.[0].length ?? 0',
    replacement: 'LEADING.exec(sql)[0]',
    reason: 'It always matches, if only the empty text; the types do not know that.',
  },
  {
    file: TEXT,
    line: '? Object.values(values) : []',
    replacement: '["Stryker was here"]',
    reason: 'A name more to look at, which mentions nothing.',
  },
  {
    file: TEXT,
    line: '} catch {',
    replacement: '{}',
    reason: '`undefined` is looked at as the text "undefined", which mentions nothing.',
  },
  {
    file: TEXT,
    line: "return '' // mysql2",
    replacement: '"Stryker was here!"',
    reason: 'Another text that mentions nothing.',
  },
  {
    file: TEXT,
    line: String.raw`return sql !== undefined && /^\s*ROLLBACK\b/i.test(sql)`,
    replacement: 'true',
    reason: '`undefined` is looked at as the text "undefined", which is no ROLLBACK.',
  },
  {
    file: GUARDS,
    line: 'export function checkTables(',
    replacement: '["Stryker was here"]',
    reason: 'A statement that joins nothing.',
  },
  {
    file: GUARDS,
    line: 'export function checkForeignKeys(',
    replacement: '["Stryker was here"]',
    reason: 'A statement that is no foreign key.',
  },
  {
    file: GUARDS,
    line: 'if (alias !== -1 && alias < dot) return',
    replacement: 'alias <= dot',
    reason: 'A space and a dot are never at one place.',
  },
  {
    file: 'src/base/cached-lookup.ts',
    line: 'now >= entry.staleUntil) return undefined',
    replacement: 'now > entry.staleUntil',
    reason: 'An old value is used for no measurable time longer.',
  },
  {
    file: HEAP,
    line: 'if (this.#keyOf(parent) <= key) return',
    replacement: 'this.#keyOf(parent) < key',
    reason: 'No two items have the same number.',
  },
  {
    file: HEAP,
    line: 'if (child === undefined || this.#keyOf(child) >= key) return',
    replacement: 'this.#keyOf(child) > key',
    reason: 'The same.',
  },
  {
    file: SCHEDULER,
    line: 'if (this.#idle.size === 0 || this.#waiters.size > 0) return undefined',
    replacement: 'false',
    reason: 'Where nothing is idle, nothing is found further down either.',
  },
  {
    file: SCHEDULER,
    line: 'if (this.#idle.size === 0 || this.#waiters.size > 0) return undefined',
    replacement: 'this.#waiters.size >= 0',
    reason: 'Who gets nothing at once waits, and gets the same by that way, only slower.',
  },
  {
    file: WAITERS,
    line: 'return share.inUse >= this.#lowestCap || this.#isBacklogged(share)',
    replacement: 'true',
    reason: 'Whoever is restricted is searched for; that only takes longer.',
  },
  {
    file: WAITERS,
    line: 'return queue.first?.number ?? Number.POSITIVE_INFINITY',
    replacement: 'queue.first.number',
    reason: 'Only those who wait are compared; the types do not know that.',
  },
  {
    file: WAITERS,
    line: 'return a.inUse < b.inUse ||',
    replacement: 'turnOf(a) <= turnOf(b)',
    reason: 'No two have the same turn.',
  },
]
