import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { LOOKUP_DEFAULTS } from '../../src/base/cached-lookup.ts'
import { createTenantKnex } from '../../src/index.ts'
import { CACHE_DEFAULTS } from '../../src/options/cache.ts'
import { DEFAULTS, resolveOptions } from '../../src/options/options.ts'
import { createTables, outputOf } from '../support/example-run.ts'
import { blockKindsOf, examplesOf, promisedOutput, read } from '../support/examples.ts'
import { deadLinksOf } from '../support/links.ts'
import { onEachServer, thrown, withTenants } from '../support/tenants.ts'

const README = read('README.md')
const GUIDES = readdirSync(new URL('../../docs', import.meta.url)).filter((file) =>
  file.endsWith('.md'),
)
/** Options that are objects of options. */
const GROUPS = ['pool', 'cache', 'lookup']

runExamples('the README', README)
for (const guide of GUIDES) runExamples(`the guide ${guide}`, read(`docs/${guide}`))

/** Defines a test for each example of a page, on each server. */
function runExamples(title: string, page: string): void {
  const examples = examplesOf(page)
  if (examples.length === 0) return
  onEachServer(title, (server) => {
    for (const example of examples) {
      describe(`when its example in line ${example.line} runs as a program`, () => {
        it('then it prints what its comments say, and ends', () =>
          withTenants(server, { tenants: ['acme', 'globex'] }, async (context) => {
            await createTables(context, example)
            expect(await outputOf(example, context)).to.deep.equal(promisedOutput(example))
          }))
      })
    }
  })
}

describe('given the guides', () => {
  for (const guide of GUIDES) {
    it(`then each block of ${guide} is run as an example or by a test of its own, or is none`, () => {
      for (const kind of blockKindsOf(read(`docs/${guide}`))) {
        const [, title] = kind.match(/ title="(.*)"$/) ?? []
        // What needs packages that are not installed here is run by `npm run test:foreign`.
        const kinds = ['ts', 'js', 'js foreign', 'sql', 'text']
        if (title === undefined) expect(kind).to.be.oneOf(kinds)
        else
          expect(read(`test/server/guides/${guide.replace('.md', '.test.ts')}`)).to.include(
            `'${title}'`,
          )
      }
    })
  }

  it('then the index links to each of them', () => {
    for (const guide of GUIDES.filter((file) => file !== 'README.md')) {
      expect(read('docs/README.md')).to.include(`](${guide})`)
    }
  })
})

describe('given links to files and headings of this project', () => {
  for (const page of ['README.md', ...GUIDES.map((guide) => `docs/${guide}`)]) {
    it(`then those of ${page} lead somewhere`, () => {
      expect(deadLinksOf(page)).to.deep.equal([])
    })
  }
})

describe("given the README's tables", () => {
  it('then the one of errors has every code and no other', () => {
    const codes = [...read('src/base/errors.ts').matchAll(/^ {2}\| '(ERR_\w+)'$/gm)].map(
      ([, code]) => code,
    )
    expect(codes).to.include('ERR_WRONG_TENANT')
    expect(firstCells('Code')).to.have.members(codes)
  })

  it('then the one of channels has every channel and no other, and so has that of reasons', () => {
    const source = read('src/base/diagnostics.ts')
    const channels = [...source.matchAll(/: named\('([a-z-]+)'\)/g)].map(([, name]) => name)
    expect(firstCells('Channel')).to.have.members(channels.map((name) => `tenant-knex:${name}`))
    const [, union = ''] = source.match(/^export type DiscardReason =\n((?: {2}\| '.*'\n)+)/m) ?? []
    const reasons = [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason)
    expect(reasons).to.include('idle')
    expect(firstCells('Reason of a discard')).to.have.members(reasons)
  })

  it('then the one of numbers has every number and no other', () => {
    const { servers } = createTenantKnex({ connection: {} }).stats()
    expect(firstCells('Field')).to.have.members(Object.keys(servers[0]))
  })

  it('then the one of outcomes has every outcome and no other', () => {
    const [, union = ''] = read('src/base/errors.ts').match(/^export type Outcome = (.*)$/m) ?? []
    expect(firstCells('Outcome')).to.have.members(union.replaceAll("'", '').split(' | '))
  })

  it('then the one of options has every option and no other', () => {
    const own = knownOptions().filter((name) => !GROUPS.includes(name))
    const grouped = GROUPS.flatMap((group) => knownOptions(group).map((name) => `${group}.${name}`))
    expect(firstCells('Option')).to.have.members([...own, ...grouped])
  })

  it('then the one of a storm has every option and no other, with its default', () => {
    const [, body = ''] = read('src/testing/storm-options.ts').match(
      /^export interface StormOptions \{\n(.*?)^\}/ms,
    ) as RegExpMatchArray
    const options = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name]) => name)
    expect(options).to.include('seed')
    expect(firstCells('Storm option')).to.have.members(options)
    for (const [, value, name] of body.matchAll(
      /@defaultValue ([\d_]+) \*\/\n {2}readonly (\w+)/g,
    )) {
      expect(README).to.include(
        `| \`${name}\` | ${Number(value?.replace('_', '')).toLocaleString('en')} |`,
      )
    }
  })

  it('then the one of options has the defaults of the pool, the cache and the look-up', () => {
    const groups = { pool: DEFAULTS.pool, cache: CACHE_DEFAULTS, lookup: LOOKUP_DEFAULTS }
    for (const [group, defaults] of Object.entries(groups)) {
      for (const [name, value] of Object.entries(defaults)) {
        if (typeof value !== 'number') continue
        expect(README).to.include(`| \`${group}.${name}\` | ${value.toLocaleString('en')} |`)
      }
    }
    const { switchTimeoutMillis, clean, switching } = DEFAULTS
    expect(README).to.include(
      `| \`switchTimeoutMillis\` | ${switchTimeoutMillis.toLocaleString('en')} |`,
    )
    expect(README).to.include(`| \`clean\` | \`'${clean}'\` |`)
    expect(README).to.include(`| \`switching\` | \`'${switching}'\` |`)
  })
})

/** Names in the first column of the table with this heading. */
function firstCells(heading: string): string[] {
  const [, rows = ''] =
    README.match(new RegExp(`^\\| ${heading} \\|.*\\n\\| -.*\\n((?:\\|.*\\n)+)`, 'm')) ?? []
  return rows
    .split('\n')
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([\w.:-]+)`/g)])
    .map(([, name = '']) => name)
}

/** The options that are accepted, as the error about an unknown one lists them. */
function knownOptions(group?: string): string[] {
  const given = { connection: {}, ...(group ? { [group]: { unknown: 1 } } : { unknown: 1 }) }
  const { message } = thrown(() => resolveOptions(given as never))
  const [, names = ''] = message.match(/Known here: (.*)\.$/) ?? []
  return names.split(', ')
}
