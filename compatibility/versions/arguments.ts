import { parseArgs } from 'node:util'

export const USAGE = `usage: npm run test:versions -- [OPTION...]

Runs the tests on Node 20, 22, 24 and 26, each with the lowest and with the newest Knex and mysql2.

  --node VERSION     only this Node: a major version (22) or the beginning of one (20.19)
  --knex VERSION     only this Knex: lowest, newest, or a version (3.1.0)
  --mysql2 VERSION   with this mysql2: the same; by default the lowest with the lowest Knex,
                     and the newest with any other
  --fgrep WORDS      only the tests with these words in their titles
  --help             show this

The first three may be given more than once, or with a list (--node 20,24).`

const NODES: readonly string[] = ['20', '22', '24', '26']
const LOWEST_NODE = 20

/** A version, or one end of the range in package.json. */
export type LibraryVersion = 'lowest' | 'newest' | `${number}.${number}.${number}`

/** The versions to test. */
export interface Wanted {
  /** Versions of Node, or their beginnings. */
  readonly nodes: readonly string[]
  readonly knex: readonly LibraryVersion[]
  /** Empty if the version of Knex decides. */
  readonly mysql2: readonly LibraryVersion[]
  readonly mochaArguments: readonly string[]
}

/**
 * Parses the command line; undefined if it asks for the usage.
 *
 * @throws Error with a hint if an argument is not understood
 */
export function parseArguments(args: readonly string[]): Wanted | undefined {
  const values = parse(args)
  if (values.help) return undefined
  return {
    nodes: listed(values.node, NODES).map(checkNode),
    knex: listed(values.knex, ['lowest', 'newest']).map((value) => checkLibrary('knex', value)),
    mysql2: listed(values.mysql2, []).map((value) => checkLibrary('mysql2', value)),
    mochaArguments: values.fgrep === undefined ? [] : ['--fgrep', values.fgrep],
  }
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        node: { type: 'string', multiple: true },
        knex: { type: 'string', multiple: true },
        mysql2: { type: 'string', multiple: true },
        fgrep: { type: 'string' },
        help: { type: 'boolean' },
      },
    })
    return values
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${USAGE}`)
  }
}

function listed(given: readonly string[] | undefined, otherwise: readonly string[]): string[] {
  const values = given ?? otherwise
  return [...new Set(values.flatMap((value) => value.split(',')))]
}

function checkNode(value: string): string {
  if (/^\d+(\.\d+){0,2}$/.test(value) && Number.parseInt(value, 10) >= LOWEST_NODE) return value
  throw new Error(`--node takes a version from ${LOWEST_NODE} up, such as 22; got "${value}"`)
}

function checkLibrary(option: string, value: string): LibraryVersion {
  if (isLibraryVersion(value)) return value
  throw new Error(`--${option} takes lowest, newest or a version such as 3.1.0; got "${value}"`)
}

function isLibraryVersion(value: string): value is LibraryVersion {
  return value === 'lowest' || value === 'newest' || /^\d+\.\d+\.\d+$/.test(value)
}
