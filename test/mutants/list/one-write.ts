import type { Mutant } from '../mutant.ts'

const GATE = 'src/connection/gate.ts'
const SWITCHING = 'src/connection/switching.ts'
const ONE_WRITE = ['test/knex/one-write.test.ts']
const DECISION = ['test/connection/switching.test.ts']
const SKIPPED = ['test/connection/skipped-answer.test.ts']
const MODEL = ['test/model/model.test.ts']

/** A statement that leaves in one write with its switch. */
export const IN_ONE_WRITE: readonly Mutant[] = [
  {
    name: 'leave out the neutral database',
    harm: 'behind a switch that is refused a statement runs in the tenant’s database before it',
    file: 'src/connection/prologue.ts',
    search: 'const isOverNeutral = isPipelined && state.database !== NEUTRAL_DATABASE',
    replace: 'const isOverNeutral = false',
    tests: ONE_WRITE,
  },
  {
    name: 'go to the neutral database after the tenant’s',
    harm: 'no statement finds its tables',
    file: 'src/connection/switch-plan.ts',
    search: '[NEUTRAL, databaseStep(database)]',
    replace: '[databaseStep(database), NEUTRAL]',
    tests: ONE_WRITE,
  },
  {
    name: 'send anything with its switch',
    harm: 'GET_LOCK, SET GLOBAL and CREATE DATABASE run although the switch has failed',
    file: SWITCHING,
    search: 'return isBuilt && sinceConfirmed',
    replace: 'return sinceConfirmed',
    tests: DECISION,
    isQuick: true,
  },
  {
    name: 'do not ask when the database was confirmed',
    harm: 'statements run behind switches that fail',
    file: SWITCHING,
    search: 'isBuilt && sinceConfirmed < CONFIRMED_MILLIS && ',
    replace: 'isBuilt && ',
    tests: DECISION,
    isQuick: true,
  },
  {
    name: 'do not ask since when nobody has heard of the connection',
    harm: 'a statement leaves on a dead connection, and nobody knows whether it ran',
    file: SWITCHING,
    search: ' && sinceAcquired < ALIVE_MILLIS',
    replace: '',
    tests: DECISION,
    isQuick: true,
  },
  {
    name: 'encode the statement for the character set that the tenant before has left',
    harm: 'an escaped quote ends the value',
    file: GATE,
    search: "if (need === 'hand-over') connection.config.charsetNumber = this.charsetNumber\n",
    replace: '',
    tests: ONE_WRITE,
  },
  {
    name: 'forget whose statement ran behind the reset',
    harm: 'the next tenant gets the session as it is',
    file: GATE,
    search: 'this.state.onStatement(lease.tenant) // the session was cleaned before it ran\n',
    replace: '',
    tests: ONE_WRITE,
  },
  {
    name: 'forget whose statement ran behind a switch that failed',
    harm: 'the same',
    file: GATE,
    search: 'this.state.onStatement(lease.tenant)\n    entry.skipped',
    replace: 'entry.skipped',
    tests: ONE_WRITE,
  },
  {
    name: 'say that a statement was not sent which has left with its switch',
    harm: 'the caller sends it again, and it runs twice',
    file: GATE,
    search: 'return this.#failSwitch(command, lease as Lease, failure, end.outcome)',
    replace: "return this.#failSwitch(command, lease as Lease, failure, 'not-sent')",
    tests: ONE_WRITE,
  },
  {
    name: 'say that a statement was not sent whose switch was not answered in time',
    harm: 'the same',
    file: GATE,
    search: "isPipelined ? 'unknown' : 'not-sent')\n    if",
    replace: "'not-sent')\n    if",
    tests: ONE_WRITE,
  },
  {
    name: 'do not read the answer of a statement behind a failed switch',
    harm: 'its rows are taken for the next statement’s',
    file: GATE,
    search: 'if (prologue.failure) return this.#beginSkipping(entry, lease, prologue)\n',
    replace:
      "if (prologue.failure) return this.#failSwitch(command, lease, prologue.failure, 'failed')\n",
    tests: ONE_WRITE,
  },
  {
    name: 'take the tenant’s database for confirmed although a step was refused',
    harm: 'the next statement runs where the connection happens to be',
    file: 'src/connection/switch-run.ts',
    search: '      this.#failure = failure\n      return\n',
    replace: '      return\n',
    tests: [...ONE_WRITE, ...MODEL],
  },
  {
    name: 'count an answer too few behind a refused step',
    harm: 'an answer to the switch is taken for the statement’s',
    file: 'src/connection/switch-run.ts',
    search: '    if (this.#answered === this.#steps.length) return true\n',
    replace:
      '    if (this.#answered === this.#steps.length - (this.#failure ? 1 : 0)) return true\n',
    tests: ONE_WRITE,
  },
  {
    name: 'take the bytes of a step for a server that wants others',
    harm: 'the server reads the text of a SET as something else',
    file: 'src/connection/switch-plan.ts',
    search: 'withQueryAttributes ? bytesWithAttributes : bytesWithout',
    replace: 'bytesWithout',
    tests: ['test/connection/switch-plan.test.ts'],
    isQuick: true,
  },
  {
    name: 'take the end of the first result for the end of the answer',
    harm: 'what comes after it is taken for the next answer',
    file: 'src/connection/skipped-answer.ts',
    search:
      "return (status & STATUS.moreResults) === 0 ? { outcome: 'executed', status } : undefined",
    replace: "return { outcome: 'executed', status }",
    tests: SKIPPED,
    isQuick: true,
  },
  {
    name: 'count the columns of an answer wrong',
    harm: 'a row is taken for a column, and the end for a row',
    file: 'src/connection/skipped-answer.ts',
    search: 'if (this.#columns-- === 0)',
    replace: 'if (--this.#columns === 0)',
    tests: SKIPPED,
    isQuick: true,
  },
  {
    name: 'tell a caller again whose time was up',
    harm: 'a callback is called twice',
    file: 'src/connection/driver.ts',
    search: 'return Boolean(timeout && _connection && !queryTimeout)',
    replace: 'return Boolean(timeout && _connection && queryTimeout === 0)',
    tests: ONE_WRITE,
  },
  {
    name: 'let a statement’s time go on when it has failed',
    harm: 'a callback is called twice',
    file: GATE,
    search: '    stopTimeout(command)\n',
    replace: '',
    tests: ONE_WRITE,
  },
]
