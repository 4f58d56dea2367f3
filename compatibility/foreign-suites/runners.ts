import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from '../knex-suite/tests.ts'

/** A program that runs tests. */
export interface Runner {
  /** Node's arguments to run the tests and write their results into a file. */
  arguments(resultFile: string): string[]
  /**
   * Reads the tests from the result file or from the output. The result is empty if the program wrote no such
   * file.
   */
  read(resultFile: string, output: string): Test[]
}

interface MochaTest {
  readonly fullTitle: string
  readonly err?: { readonly stack?: string; readonly message?: string }
}

interface MochaResult {
  readonly passes: readonly MochaTest[]
  readonly failures: readonly MochaTest[]
  readonly pending: readonly MochaTest[]
}

interface JestResult {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const TSX = ['--import', import.meta.resolve('tsx')]
const program = (...path: string[]): string => join('node_modules', ...path)

/** Mocha; tsx runs TypeScript. */
export function mocha(...options: readonly string[]): Runner {
  return {
    arguments: (file) => [
      ...TSX,
      program('mocha', 'bin', 'mocha.js'),
      ...['--no-config', '--exit', '--timeout', '15000'],
      ...['--reporter', 'json', '--reporter-option', `output=${file}`],
      ...options,
    ],
    read: (file) => {
      const result = readJson<MochaResult>(file)
      const testsOf = (list: readonly MochaTest[] = [], state: Test['state']): Test[] =>
        list.map(({ fullTitle, err }) => {
          const reason = err?.stack ?? err?.message
          return { title: fullTitle, state, ...(reason !== undefined && { reason }) }
        })
      return [
        ...testsOf(result?.passes, 'passed'),
        ...testsOf(result?.failures, 'failed'),
        ...testsOf(result?.pending, 'skipped'),
      ]
    },
  }
}

/** Jest, with one file at a time. */
export function jest(...options: readonly string[]): Runner {
  return {
    arguments: (file) => [
      program('jest', 'bin', 'jest.js'),
      ...['--runInBand', '--forceExit', '--json', `--outputFile=${file}`],
      ...options,
    ],
    read: (file) =>
      (readJson<JestResult>(file)?.testResults ?? []).flatMap(({ assertionResults }) =>
        assertionResults.map(({ fullName, status, failureMessages }) => ({
          title: fullName,
          state: status === 'passed' || status === 'failed' ? status : 'skipped',
          ...(status === 'failed' && { reason: failureMessages.join('\n') }),
        })),
      ),
  }
}

/** Node's own test runner. */
export function nodeTest(...files: readonly string[]): Runner {
  const reporter = fileURLToPath(new URL('./inside/reporter.mjs', import.meta.url))
  return {
    arguments: (file) => [
      ...[`--test-reporter=${reporter}`, `--test-reporter-destination=${file}`],
      ...['--test', ...files],
    ],
    read: (file) => (existsSync(file) ? linesOf(readFileSync(file, 'utf8')) : []),
  }
}

interface JapaEvent {
  readonly event: string
  readonly title: { readonly expanded: string }
  readonly isSkipped?: boolean
  readonly hasError?: boolean
  readonly errors?: readonly { readonly error?: { readonly stack?: string } }[]
}

/** Japa, the runner of AdonisJS. Its output contains the results. */
export function japa(script: string, ...files: readonly string[]): Runner {
  const wanted = files.map((file) => `--files=${file}.spec.ts`)
  const options = ['--reporters=ndjson', '--timeout=30000', '--force-exit']
  return {
    arguments: () => [...TSX, script, ...options, ...wanted],
    read: (_file, output) =>
      output
        .split('\n')
        .filter((line) => line.startsWith('{"event":"test:end"'))
        .map((line) => japaTest(JSON.parse(line))),
  }
}

function japaTest({ title, isSkipped, hasError, errors = [] }: JapaEvent): Test {
  const state = isSkipped ? 'skipped' : hasError ? 'failed' : 'passed'
  const reason = errors.map(({ error }) => error?.stack).join('\n')
  return { title: title.expanded, state, ...(hasError && { reason }) }
}

function linesOf(text: string): Test[] {
  const lines = text.split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as Test)
}

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined
}
