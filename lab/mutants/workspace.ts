import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Reaper } from '../../test/support/servers.ts'
import { applyMutant, type Mutant } from './mutant.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The files that tests need; some tests measure memory as the benchmarks do. */
const FILES: readonly string[] = ['src', 'test', 'lab', 'benchmarks/support', 'package.json']

/** A copy of the sources and tests in a temporary folder, where defects can be made. */
export class Workspace {
  readonly folder: string
  /** The environment of programs that run in the copy. */
  readonly env: NodeJS.ProcessEnv

  /**
   * @param reaper removes the copy
   * @param files the files to copy, by their paths from the project's folder
   */
  constructor(
    reaper: Reaper,
    files: readonly string[] = FILES,
    env: NodeJS.ProcessEnv = process.env,
  ) {
    this.env = env
    this.folder = reaper.temporaryFolder(tmpdir(), 'tenant-knex-mutants-')
    for (const file of files) cpSync(join(ROOT, file), join(this.folder, file), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'), 'junction')
  }

  /** Runs a function with a mutant in the copy. */
  withMutant<T>(mutant: Mutant, fn: () => Promise<T>): Promise<T> {
    return this.withChange(mutant.file, (source) => applyMutant(mutant, source), fn)
  }

  /** Runs a function while one file of the copy is changed. */
  async withChange<T>(
    file: string,
    change: (source: string) => string,
    fn: () => Promise<T>,
  ): Promise<T> {
    const path = join(this.folder, file)
    const source = readFileSync(path, 'utf8')
    writeFileSync(path, change(source))
    try {
      return await fn()
    } finally {
      writeFileSync(path, source)
    }
  }
}
