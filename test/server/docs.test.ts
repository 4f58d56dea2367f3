import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { LOOKUP_DEFAULTS } from '../../src/base/lookup-options.ts'
import { createTenantKnex } from '../../src/index.ts'
import { CACHE_DEFAULTS } from '../../src/options/cache.ts'
import { DEFAULTS, resolveOptions } from '../../src/options/options.ts'
import { createTables, outputOf } from '../support/example-run.ts'
import { blockKindsOf, examplesOf, promisedOutput, read } from '../support/examples.ts'
import { deadLinksOf, relativeLinksOf } from '../support/links.ts'
import { onEachServer, thrown, withTenants } from '../support/tenants.ts'

const README = read('README.md')
const GUIDES = readdirSync(new URL('../../docs', import.meta.url)).filter((file) =>
  file.endsWith('.md'),
)
/** The pages whose tables are compared with the source. */
const OPTIONS = read('docs/options.md')
const MEMBERS = read('docs/bound-knex.md')
const ERRORS = read('docs/errors.md')
const OPERATIONS = read('docs/operations.md')
const TESTING = read('docs/testing.md')
/** The README stays below this, so that a new user reads all of it. */
const README_BYTES = 10_240
/** The test that runs the files that a guide shows, if it is not the guide's own in `test/server/guides/`. */
const FILES_RUN_BY: Readonly<Record<string, string>> = {
  'many-tenants.md': 'test/server/support/cli.test.ts',
}
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
        else {
          const test =
            FILES_RUN_BY[guide] ?? `test/server/guides/${guide.replace('.md', '.test.ts')}`
          expect(read(test)).to.include(`'${title}'`)
        }
      }
    })
  }

  it('then the index links to each of them', () => {
    for (const guide of GUIDES.filter((file) => file !== 'README.md')) {
      expect(read('docs/README.md')).to.include(`](${guide})`)
    }
  })
})

describe('given the pages for developers', () => {
  it('then each file that they name is in the source', () => {
    const source = readdirSync(new URL('../../src', import.meta.url), { recursive: true })
    const files = source.map((file) => `/${file}`)
    for (const page of ['ARCHITECTURE.md', 'docs/internals.md']) {
      const named = [...read(page).matchAll(/`([a-z/-]+\.ts)`/g)].map(([, file]) => file as string)
      expect(named.length).to.be.greaterThan(10)
      for (const file of named.filter((one) => !one.startsWith('lab/'))) {
        expect(
          files.some((one) => one.endsWith(`/${file}`)),
          `${file} in ${page}`,
        ).to.equal(true)
      }
    }
  })
})

describe('given the README', () => {
  onEachServer('when its quick start runs twice', (server) => {
    it('then it makes its databases anew', () =>
      withTenants(server, { tenants: [] }, async (context) => {
        const [quickStart] = examplesOf(README)
        if (!quickStart) throw new Error('The README has no example.')
        for (const _ of [1, 2]) {
          expect(await outputOf(quickStart, context)).to.deep.equal(promisedOutput(quickStart))
        }
      }))
  })

  it('then it is short', () => {
    expect(Buffer.byteLength(README)).to.be.at.most(README_BYTES)
  })

  it('then its links work on the page of the package, too: they are absolute', () => {
    expect(relativeLinksOf('README.md')).to.deep.equal([])
  })

  it('then each of its options has the default that the page of options has', () => {
    const rows = firstCells(README, 'Option').map((name) => [name, defaultOf(README, name)])
    expect(rows).to.have.length(10)
    for (const [name = '', value] of rows) expect(defaultOf(OPTIONS, name)).to.equal(value)
  })
})

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'benchmarks/README.md',
  'compatibility/README.md',
  'examples/README.md',
  ...GUIDES.map((guide) => `docs/${guide}`),
]

describe('given links to files and headings of this project', () => {
  for (const page of PAGES) {
    it(`then those of ${page} lead somewhere`, () => {
      expect(deadLinksOf(page)).to.deep.equal([])
    })
  }
})

describe("given the pages' tables", () => {
  it('then the one of errors has every code and no other', () => {
    const codes = [...read('src/base/errors.ts').matchAll(/^ {2}\| '(ERR_\w+)'$/gm)].map(
      ([, code]) => code,
    )
    expect(codes).to.include('ERR_WRONG_TENANT')
    expect(firstCells(ERRORS, 'Code')).to.have.members(codes)
  })

  it('then the one of channels has every channel and no other, and so has that of reasons', () => {
    const source = read('src/base/diagnostics.ts')
    const channels = [...source.matchAll(/: named\('([a-z-]+)'\)/g)].map(([, name]) => name)
    expect(firstCells(OPERATIONS, 'Channel')).to.have.members(
      channels.map((name) => `tenant-knex:${name}`),
    )
    const [, union = ''] = source.match(/^export type DiscardReason =\n((?: {2}\| '.*'\n)+)/m) ?? []
    const reasons = [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason)
    expect(reasons).to.include('idle')
    expect(firstCells(OPERATIONS, 'Reason of a discard')).to.have.members(reasons)
  })

  it('then the one of numbers has every number and no other', () => {
    const { servers } = createTenantKnex({ connection: {} }).stats()
    expect(firstCells(OPERATIONS, 'Field')).to.have.members(Object.keys(servers[0]))
  })

  it('then the one of members has every member of a tenantKnex and no other', () => {
    const names = MEMBERS.match(/^\| Member \|.*?\n\n/ms)?.[0].matchAll(/^\| (`.*?`) \|/gm) ?? []
    const members = [...names].flatMap(([, cell = '']) => cell.split(', `').map(memberOf))
    expect(members).to.have.members(Object.keys(createTenantKnex({ connection: {} })))
  })

  it('then the one of outcomes has every outcome and no other', () => {
    const [, union = ''] = read('src/base/errors.ts').match(/^export type Outcome = (.*)$/m) ?? []
    expect(firstCells(ERRORS, 'Outcome')).to.have.members(union.replaceAll("'", '').split(' | '))
  })

  it('then the one of options has every option and no other', () => {
    const own = knownOptions().filter((name) => !GROUPS.includes(name))
    const grouped = GROUPS.flatMap((group) => knownOptions(group).map((name) => `${group}.${name}`))
    expect(firstCells(OPTIONS, 'Option')).to.have.members([...own, ...grouped])
  })

  it('then the one of a storm has every option and no other, with its default', () => {
    const [, body = ''] = read('src/testing/storm-options.ts').match(
      /^export interface StormOptions \{\n(.*?)^\}/ms,
    ) as RegExpMatchArray
    const options = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name]) => name)
    expect(options).to.include('seed')
    expect(firstCells(TESTING, 'Storm option')).to.have.members(options)
    for (const [, value, name] of body.matchAll(
      /@defaultValue ([\d_]+) \*\/\n {2}readonly (\w+)/g,
    )) {
      expect(TESTING).to.include(
        `| \`${name}\` | ${Number(value?.replace('_', '')).toLocaleString('en')} |`,
      )
    }
  })

  it('then the one of options has the defaults of the pool, the cache and the look-up', () => {
    const groups = { pool: DEFAULTS.pool, cache: CACHE_DEFAULTS, lookup: LOOKUP_DEFAULTS }
    for (const [group, defaults] of Object.entries(groups)) {
      for (const [name, value] of Object.entries(defaults)) {
        if (typeof value !== 'number') continue
        expect(OPTIONS).to.include(`| \`${group}.${name}\` | ${value.toLocaleString('en')} |`)
      }
    }
    const { switchTimeoutMillis, clean, switching } = DEFAULTS
    expect(OPTIONS).to.include(
      `| \`switchTimeoutMillis\` | ${switchTimeoutMillis.toLocaleString('en')} |`,
    )
    expect(OPTIONS).to.include(`| \`clean\` | \`'${clean}'\` |`)
    expect(OPTIONS).to.include(`| \`switching\` | \`'${switching}'\` |`)
  })
})

/** Names in the first column of a page's table with this heading. */
function firstCells(page: string, heading: string): string[] {
  const [, rows = ''] =
    page.match(new RegExp(`^\\| ${heading} \\|.*\\n\\| -.*\\n((?:\\|.*\\n)+)`, 'm')) ?? []
  return rows
    .split('\n')
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([\w.:-]+)`/g)])
    .map(([, name = '']) => name)
}

/** What the table of options says that an option is by default. */
function defaultOf(page: string, option: string): string | undefined {
  const row = page.split('\n').find((line) => line.startsWith(`| \`${option}\` | `))
  return row?.split(' | ')[1]
}

/** The name in a cell such as `run(id, fn)`. */
function memberOf(cell: string): string {
  return cell.match(/\w+/)?.[0] ?? ''
}

/** The options that are accepted, as the error about an unknown one lists them. */
function knownOptions(group?: string): string[] {
  const given = { connection: {}, ...(group ? { [group]: { unknown: 1 } } : { unknown: 1 }) }
  const { message } = thrown(() => resolveOptions(given as never))
  const [, names = ''] = message.match(/Known here: (.*)\.$/) ?? []
  return names.split(', ')
}
