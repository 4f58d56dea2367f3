import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../../test/support/servers/run.ts'
import type { Reaper } from '../../test/support/servers.ts'
import type { Libraries } from './releases.ts'
import { say } from './say.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
// The files that git would add: all except those that .gitignore names.
const LIST_FILES = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
const INSTALL = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']

/** Folders that use the same libraries. */
export interface Workspace {
  /** A copy of the project. */
  readonly project: string
  /** An application with the package installed from its tarball. */
  readonly consumer: string
  /** For the tests' temporary files. */
  readonly scratch: string
}

/** Makes workspaces in a temporary folder, one at a time, because all use the same copy. */
export class Workspaces {
  readonly #reaper: Reaper
  readonly #folder: string

  /** Copies the project as it is, including uncommitted changes, and packs it. */
  static async create(reaper: Reaper): Promise<Workspaces> {
    const workspaces = new Workspaces(reaper)
    await workspaces.#prepare()
    return workspaces
  }

  private constructor(reaper: Reaper) {
    this.#reaper = reaper
    this.#folder = reaper.temporaryFolder(tmpdir(), 'tenant-knex-versions-')
  }

  /** Installs these libraries. Earlier workspaces then have them too. */
  async install(libraries: Libraries): Promise<Workspace> {
    const { knex, mysql2 } = libraries
    say(`Knex ${knex}, mysql2 ${mysql2}: installing`)
    const peers = [`knex@${knex}`, `mysql2@${mysql2}`]
    const project = this.#path('project')
    await this.#npm(project, [...INSTALL, ...peers])
    checkInstalled(project, libraries)
    const consumer = await this.#installConsumer(`consumer-${knex}-${mysql2}`, peers)
    checkInstalled(consumer, libraries)
    return { project, consumer, scratch: this.#path('tmp') }
  }

  async #prepare(): Promise<void> {
    for (const name of ['project', 'packed', 'tmp']) mkdirSync(this.#path(name))
    const project = this.#path('project')
    const files = await run(this.#reaper, 'git', ['-C', ROOT, ...LIST_FILES])
    copy(files.split('\0').filter(Boolean), project)
    say('the project: installing and packing a copy')
    await this.#npm(project, ['ci', '--include=dev', '--no-audit', '--no-fund'])
    await this.#npm(project, ['pack', project, '--pack-destination', this.#path('packed')])
  }

  async #installConsumer(name: string, peers: readonly string[]): Promise<string> {
    const consumer = this.#path(name)
    const packed = this.#path('packed')
    const tarballs = readdirSync(packed).map((file) => join(packed, file))
    mkdirSync(consumer)
    writeFileSync(join(consumer, 'package.json'), '{ "private": true }\n')
    await this.#npm(consumer, [...INSTALL, ...tarballs, ...peers])
    cpSync(join(ROOT, 'scripts', 'check-package', 'consumer'), consumer, { recursive: true })
    return consumer
  }

  async #npm(folder: string, args: readonly string[]): Promise<void> {
    await run(this.#reaper, 'npm', ['--prefix', folder, ...args])
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }
}

function copy(files: readonly string[], to: string): void {
  for (const file of files) {
    // git also lists a file that was deleted without a commit.
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(to, file))
  }
}

// npm may install another version. A wrong version in the table would be worse than no table.
function checkInstalled(folder: string, libraries: Libraries): void {
  for (const [name, wanted] of Object.entries(libraries)) {
    const file = join(folder, 'node_modules', name, 'package.json')
    const { version } = JSON.parse(readFileSync(file, 'utf8'))
    if (version !== wanted) throw new Error(`npm installed ${name} ${version}, not ${wanted}`)
  }
}
