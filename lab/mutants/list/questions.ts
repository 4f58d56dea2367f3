import type { Mutant } from '../mutant.ts'

const OPTIONS = ['test/server/isolation/driver-options.test.ts']
const QUESTIONS = ['test/server/connection/server-facts.test.ts']

/** What a new connection asks the server, whatever the driver's options are. */
export const SERVER_QUESTIONS: readonly Mutant[] = [
  {
    name: 'let nestTables into the answers to our own questions',
    harm: 'the role and what the server keeps for diagnosis are not known of, and cross',
    file: 'src/connection/wire/driver-command.ts',
    search: '  nestTables: false,\n',
    replace: '',
    tests: OPTIONS,
  },
  {
    name: 'let the driver say what becomes of a value in an answer to us',
    harm: 'the version is bytes, a number a text: the server is taken for another one',
    file: 'src/connection/wire/driver-command.ts',
    search: '  typeCast: (field: { string(): string | null }) => field.string(),\n',
    replace: '',
    tests: OPTIONS,
  },
  {
    name: 'let a queryFormat change our own questions',
    harm: 'another question is answered, and the role crosses',
    file: 'src/connection/wire/ask.ts',
    search: 'connection.addCommand(ownQuery(sql, onResult))',
    replace: 'connection.query(ownQuery(sql, onResult) as never)',
    tests: OPTIONS,
  },
  {
    name: 'go on where the version is not understood',
    harm: 'MariaDB is taken for MySQL, and SHOW PROFILES crosses',
    file: 'src/connection/server-facts.ts',
    search: String.raw`typeof version === 'string' && /^\d+\.\d+/.test(version)`,
    replace: "typeof version === 'string' || version !== null",
    tests: QUESTIONS,
  },
  {
    name: 'take every refusal of a question for "not known"',
    harm: 'a KILL QUERY at connect, and the role is not restored on this connection',
    file: 'src/connection/server-facts.ts',
    search: 'if (UNKNOWN_NAME.includes(serverErrno(error) ?? 0)) return undefined',
    replace: 'if (serverErrno(error) !== undefined) return undefined',
    tests: QUESTIONS,
  },
  {
    name: 'believe a version as to what else the server has',
    harm: 'SHOW PROFILES crosses on a MariaDB that is told to give a version of MySQL',
    file: 'src/connection/server-facts.ts',
    search: 'isMariaDB ? [mariadb, mysql] : [mysql, mariadb]',
    replace: 'isMariaDB ? [mariadb] : [mysql]',
    tests: QUESTIONS,
  },
  {
    name: 'look at the statement’s own typeCast first',
    harm: 'with one that is no function, the connection’s sees another tenant’s rows',
    file: 'src/connection/wire/driver-command.ts',
    search: "typeof options?.typeCast === 'function' || typeof config.typeCast === 'function'",
    replace: "typeof (options?.typeCast ?? config.typeCast) === 'function'",
    tests: ['test/server/isolation/hidden-change.test.ts'],
  },
]
