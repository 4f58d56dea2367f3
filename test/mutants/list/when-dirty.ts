import type { Mutant } from '../mutant.ts'

const HARMLESS = 'src/connection/harmless-statement.ts'
const TEXT = ['test/connection/harmless-statement.test.ts']
const MEANING = ['test/connection/answer-meaning.test.ts']
const STATE = ['test/connection/session-state.test.ts']
const PACKETS = ['test/connection/packets.test.ts']
const SESSIONS = ['test/knex/when-dirty.test.ts']

/** What lets a session be handed over as it is only where nothing is left in it. */
export const WHEN_DIRTY: readonly Mutant[] = [
  {
    name: 'take a name in backticks before a parenthesis for a table',
    harm: 'a lock that a builder takes by ?? stays for the next tenant',
    file: HARMLESS,
    search: ' || CALL_BY_NAME.test(text)',
    replace: '',
    tests: TEXT,
    isQuick: true,
  },
  {
    name: 'let any sign be in a plain query',
    harm: 'user variables that a builder sets are read by the next tenant',
    file: HARMLESS,
    search: 'UNKNOWN_SIGN.test(text) || ',
    replace: '',
    tests: TEXT,
    isQuick: true,
  },
  {
    name: 'let any word be in a plain query',
    harm: 'a function takes a lock that stays for the next tenant',
    file: HARMLESS,
    search: '.every((word) => KNOWN.has(word.toLowerCase()))',
    replace: '.every((word) => word !== undefined)',
    tests: TEXT,
    isQuick: true,
  },
  {
    name: 'do not look at values',
    harm: 'SQL in a value of the driver leaves something for the next tenant',
    file: HARMLESS,
    search: 'values.every(isPlain) && ',
    replace: '',
    tests: TEXT,
    isQuick: true,
  },
  {
    name: 'do not mind the warnings of a plain query',
    harm: 'the next tenant reads them, with values of the one before',
    file: 'src/connection/answer-meaning.ts',
    search: 'hasChanged || packet.eofWarningCount() !== 0',
    replace: 'hasChanged',
    tests: MEANING,
    isQuick: true,
  },
  {
    name: 'do not mind what an OK tells of',
    harm: 'the next tenant reads the id of the last insert',
    file: 'src/connection/answer-meaning.ts',
    search: '  if (leavesTrace) session.onTrace()\n',
    replace: '',
    tests: MEANING,
    isQuick: true,
  },
  {
    name: 'take every tracked change for one of the transaction',
    harm: 'settings that a statement has changed stay for the next tenant',
    file: 'src/connection/packets.ts',
    search: 'isOnlyTransaction &&= SESSION_TRACK_TRANSACTION.includes(type)\n',
    replace: '',
    tests: PACKETS,
    isQuick: true,
  },
  {
    name: 'forget with each statement what the one before has left',
    harm: 'a variable that was set before a plain query is read by the next tenant',
    file: 'src/connection/session-state.ts',
    search: 'this.#isTraced ||= !isHarmless',
    replace: 'this.#isTraced = !isHarmless',
    tests: STATE,
    isQuick: true,
  },
  {
    name: 'do not mind that a statement was answered with an error',
    harm: 'what it did before it failed stays for the next tenant',
    file: 'src/connection/session-state.ts',
    search: '    this.#isTraced = true\n    this.#database = undefined\n  }\n}',
    replace: '    this.#database = undefined\n  }\n}',
    tests: STATE,
    isQuick: true,
  },
  {
    name: 'trust harmless statements without being told to',
    harm: 'what a trigger has set reaches the next tenant by default',
    file: 'src/pool/server-pool.ts',
    search: "return this.#options.clean === 'when-dirty'",
    replace: 'return true',
    tests: SESSIONS,
  },
  {
    name: 'do not mind the options that a query gives the driver',
    harm: 'another text is sent than the one that was looked at',
    file: 'src/knex/tenant-client.ts',
    search: '!hasOptions && ',
    replace: '',
    tests: SESSIONS,
  },
  {
    name: 'take what follows a hand-over for harmless',
    harm: 'what a raw statement leaves stays for the next tenant',
    file: 'src/connection/gate.ts',
    search: 'entry.nature.isHarmless) // after what the switch has cleaned',
    replace: 'true) // after what the switch has cleaned',
    tests: SESSIONS,
  },
]
