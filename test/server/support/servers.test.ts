import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { hasApt } from '../../support/servers/apt.ts'
import { cachedFolder } from '../../support/servers/cache-folder.ts'
import { useOwnLoader } from '../../support/servers/own-loader.ts'
import {
  findExecutables,
  findProgram,
  identify,
  isWanted,
  versionNumber,
} from '../../support/servers/program.ts'
import { Reaper } from '../../support/servers/reaper.ts'
import { startThrowaway } from '../../support/servers/throwaway.ts'
import { unpackedProgram } from '../../support/servers/unpacked.ts'

const CLI = fileURLToPath(new URL('../../../scripts/servers.ts', import.meta.url))
const TSX = import.meta.resolve('tsx')

// Answers as Redis would, and leaves a note of its port.
const FAKE_REDIS = `#!/usr/bin/env node
const { writeFileSync } = require('node:fs')
if (process.argv.includes('--version')) {
  console.log('Redis server v=9.8.7 sha=0:0')
} else if (process.env.FAKE_FAILURE) {
  console.error(process.env.FAKE_FAILURE)
  process.exit(1)
} else {
  const port = process.argv[process.argv.indexOf('--port') + 1]
  writeFileSync(process.env.FAKE_NOTE, port)
  require('node:net').createServer().listen(Number(port), '127.0.0.1')
}
`

describe('identify', () => {
  const versions: [string, string | undefined][] = [
    ['/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))', 'mysql'],
    ['/usr/sbin/mysqld  Ver 8.0.44-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))', 'mysql'],
    ['/opt/homebrew/opt/mysql/bin/mysqld  Ver 9.0.1 for macos14.4 on arm64 (Homebrew)', 'mysql'],
    ['/usr/sbin/mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64', 'mariadb'],
    ['mariadbd  Ver 11.8.3-MariaDB for osx10.20 on arm64 (Homebrew)', 'mariadb'],
    ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64', 'redis'],
    ['redis-check-rdb 7.0.15', undefined],
    ['', undefined],
  ]
  for (const [version, name] of versions) {
    it(`takes "${version}" for ${name ?? 'none of them'}`, () => {
      expect(identify(version)).to.equal(name)
    })
  }

  it('leaves the number to versionNumber', () => {
    expect(versionNumber('mysqld  Ver 10.11.19-MariaDB-0+deb12u1')).to.equal('10.11.19')
    expect(versionNumber('no number')).to.equal('unknown')
  })
})

describe('isWanted', () => {
  afterEach(() => {
    delete process.env.TENANT_KNEX_REDIS_VERSION
  })

  const wishes: [string, boolean][] = [
    ['', true],
    ['7', true],
    ['7.0', true],
    ['7.0.15', true],
    ['7.0.1', false],
    ['7.2', false],
    ['70', false],
  ]
  for (const [wanted, isOne] of wishes) {
    it(`says that 7.0.15 is ${isOne ? '' : 'not '}what "${wanted}" asks for`, () => {
      process.env.TENANT_KNEX_REDIS_VERSION = wanted
      expect(isWanted('redis', 'Redis server v=7.0.15 sha=0:0')).to.equal(isOne)
    })
  }
})

describe('given a folder to work in', () => {
  let folder: string
  let cache: string | undefined
  let cli: ChildProcess | undefined

  const run = (
    command: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): ChildProcess => {
    cli = startCli(folder, command, env)
    return cli
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'servers-test-'))
    cache = process.env.XDG_CACHE_HOME
    process.env.XDG_CACHE_HOME = folder
  })

  afterEach(() => {
    // A test that failed may have left it.
    cli?.kill('SIGKILL')
    if (cache === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = cache
    rmSync(folder, { recursive: true })
  })

  describe('when a folder is asked for from the cache', () => {
    it('then it is filled once', async () => {
      let fills = 0
      const ask = (): Promise<string> =>
        withReaper((reaper) =>
          cachedFolder(reaper, 'data', async (draft) => {
            fills += 1
            writeFileSync(join(draft, 'file'), 'content')
          }),
        )
      const given = await ask()
      expect(await ask()).to.equal(given)
      expect(fills).to.equal(1)
      expect(readFileSync(join(given, 'file'), 'utf8')).to.equal('content')
    })

    it('then nothing of it is left when filling fails', async () => {
      const failure = new Error('no space')
      let caught: unknown
      await withReaper((reaper) =>
        cachedFolder(reaper, 'data', async (draft) => {
          writeFileSync(join(draft, 'half'), '')
          throw failure
        }),
      ).catch((error: unknown) => {
        caught = error
      })
      expect(caught).to.equal(failure)
      expect(readdirSync(join(folder, 'tenant-knex'))).to.deep.equal([])
    })
  })

  describe('when a command runs with a server', () => {
    it('then its exit code comes back, and the server was there', async () => {
      const script = 'process.exit(process.env.TENANT_KNEX_REDIS_URL ? 42 : 1)'
      const { code, output } = await endOf(run(['node', '-e', script]))
      expect(output).to.include('Redis 9.8.7')
      expect(code).to.equal(42)
      await expectNothingLeft(folder)
    })

    it('then SIGTERM ends the command and the server', async () => {
      const cli = run(['node', '-e', 'setInterval(() => {}, 1000)'])
      await until(() => isServing(folder))
      cli.kill('SIGTERM')
      expect((await endOf(cli)).code).to.equal(143)
      await expectNothingLeft(folder)
    })

    it('then the server ends even when nothing else could end it', async () => {
      const cli = run(['node', '-e', 'setInterval(() => {}, 1000)'])
      await until(() => isServing(folder))
      cli.kill('SIGKILL')
      await endOf(cli)
      await until(async () => (await leftovers(folder)).length === 0)
    })
  })

  describe('when a server does not come up', () => {
    const broken = { FAKE_FAILURE: 'disk on fire' }

    it('then the command runs without it, and why is said', async () => {
      const { code, output } = await endOf(run(['node', '-e', 'process.exit(5)'], broken))
      expect(output).to.include('disk on fire').and.include('NO REDIS')
      expect(code).to.equal(5)
      await expectNothingLeft(folder)
    })

    it('then it is a failure where CI is set', async () => {
      const { code, output } = await endOf(run(['node', '-e', ''], { ...broken, CI: 'true' }))
      expect(output).to.include('Redis could not be started')
      expect(code).to.equal(1)
      await expectNothingLeft(folder)
    })
  })

  describe('when a version of a server is asked for', () => {
    const ask = (version: string) => ({ TENANT_KNEX_REDIS_VERSION: version })

    it('then that one is taken', async () => {
      const { code, output } = await endOf(run(['node', '-e', ''], ask('9.8')))
      expect(output).to.include('Redis 9.8.7')
      expect(code).to.equal(0)
    })

    it('then no other stands in for it, and the command does not run', async () => {
      const { code, output } = await endOf(run(['node', '-e', ''], ask('9.80')))
      expect(output).to.include('Redis could not be started')
      expect(code).to.equal(1)
    })
  })

  describe('when a program was unpacked beside libraries of its own', () => {
    it('then it runs with these, also after a move, and a script stays as it is', async function () {
      const [cat] = findExecutables('cat')
      const libraries = loadedLibraries(/\/(ld-linux[^/]*|libc)\.so\.\d+$/)
      if (cat === undefined || libraries.length < 2) return this.skip()
      const draft = join(folder, 'draft')
      const usr = join(draft, 'usr')
      for (const name of ['bin', 'sbin', 'lib/any-linux-gnu']) {
        mkdirSync(join(usr, name), { recursive: true })
      }
      copyFileSync(cat, join(usr, 'bin/cat'))
      for (const file of libraries)
        copyFileSync(file, join(usr, 'lib/any-linux-gnu', basename(file)))
      writeFileSync(join(usr, 'sbin/script'), '#!/bin/sh\n')

      await useOwnLoader(draft)
      const prefix = join(folder, 'prefix')
      renameSync(draft, prefix)

      const maps = execFileSync(join(prefix, 'usr/bin/cat'), ['/proc/self/maps'], {
        encoding: 'utf8',
      })
      for (const file of libraries) {
        expect(maps).to.include(join(prefix, 'usr/lib/any-linux-gnu', basename(file)))
        expect(maps).to.not.include(` ${file}`)
      }
      expect(readFileSync(join(prefix, 'usr/sbin/script'), 'utf8')).to.equal('#!/bin/sh\n')
    })
  })

  describe('when there is no command', () => {
    it('then the usage is shown', async () => {
      const { code, output } = await endOf(run([]))
      expect(output).to.include('usage:')
      expect(code).to.equal(2)
    })
  })
})

describe('given a temporary table of a MariaDB in the temporary directory', () => {
  const table = join(tmpdir(), `#sql-temptable-${process.pid}-0-0.MAI`)

  beforeEach(() => writeFileSync(table, ''))
  afterEach(() => rmSync(table, { force: true }))

  it('then it is still there when another MariaDB has started', async function () {
    const program = findProgram('mariadb')
    // Containers have a temporary directory of their own.
    if (!program) return this.skip()
    await withReaper((reaper) => startThrowaway(reaper, 'mariadb', program))
    expect(existsSync(table)).to.equal(true)
  })
})

describe('given a Debian or a relative of it', () => {
  const version = process.env.TENANT_KNEX_MARIADB_VERSION

  before(function () {
    if (!hasApt()) this.skip()
  })

  afterEach(() => {
    if (version === undefined) delete process.env.TENANT_KNEX_MARIADB_VERSION
    else process.env.TENANT_KNEX_MARIADB_VERSION = version
  })

  it('when MariaDB 11.8 is asked for, then it is unpacked, and it is what runs', async function () {
    this.timeout(120_000) // the first time on a machine it is downloaded
    process.env.TENANT_KNEX_MARIADB_VERSION = '11.8'
    await withReaper(async (reaper) => {
      const program = await unpackedProgram(reaper, 'mariadb')
      if (!program) throw new Error('there is none')
      const url = await startThrowaway(reaper, 'mariadb', program)
      expect(await versionAt(url)).to.match(/^11\.8\..*MariaDB/)
    })
  })

  it('when another one is asked for, then the error says what there is, and who asked', async () => {
    process.env.TENANT_KNEX_MARIADB_VERSION = '12.3'
    const asked = withReaper((reaper) => unpackedProgram(reaper, 'mariadb'))
    const error = await asked.catch((error: unknown) => error)
    expect(error).to.be.an('error')
    expect(`${error}`).to.include('Debian trixie has MariaDB 11.8.')
    expect(`${error}`).to.include('not the 12.3 of TENANT_KNEX_MARIADB_VERSION')
  })
})

async function versionAt(url: string): Promise<string> {
  const connection = await createConnection(url)
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version')
  await connection.end()
  return row?.version
}

/** The files of the libraries that this process runs with. */
function loadedLibraries(pattern: RegExp): string[] {
  const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] }
  return sharedObjects.filter((file) => pattern.test(file))
}

async function withReaper<T>(use: (reaper: Reaper) => Promise<T>): Promise<T> {
  const reaper = new Reaper()
  try {
    return await use(reaper)
  } finally {
    await reaper.end()
  }
}

// With no other programs than these, nothing real is started, let alone installed.
function startCli(
  folder: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const programs = join(folder, 'bin')
  mkdirSync(join(folder, 'tmp'))
  mkdirSync(programs)
  symlinkSync(process.execPath, join(programs, 'node'))
  writeFileSync(join(programs, 'redis-server'), FAKE_REDIS)
  chmodSync(join(programs, 'redis-server'), 0o755)
  return spawn(process.execPath, ['--import', TSX, CLI, '--only', 'redis', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: programs,
      TMPDIR: join(folder, 'tmp'),
      TENANT_KNEX_DOCKER: '0',
      FAKE_NOTE: join(folder, 'port'),
      ...env,
    },
  })
}

async function endOf(cli: ChildProcess): Promise<{ code: number | null; output: string }> {
  const [output, [code]] = await Promise.all([
    cli.stderr ? text(cli.stderr) : '',
    once(cli, 'exit') as Promise<[number | null]>,
  ])
  return { code, output }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited ten seconds in vain')
    await sleep(20)
  }
}

async function expectNothingLeft(folder: string): Promise<void> {
  expect(await leftovers(folder)).to.deep.equal([])
}

async function leftovers(folder: string): Promise<string[]> {
  const files = readdirSync(join(folder, 'tmp')).filter((name) => name.startsWith('tenant-knex-'))
  return (await isServing(folder)) ? [...files, 'a server'] : files
}

async function isServing(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'port'))) return false
  const socket = connect(Number(readFileSync(join(folder, 'port'), 'utf8')), '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
