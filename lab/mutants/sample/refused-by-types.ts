import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reaper } from '../../../test/support/servers.ts'
import { runNode } from '../run-node.ts'
import { Workspace } from '../workspace.ts'
import { applyGenerated, type GeneratedMutant } from './generate.ts'

const LIMIT_MILLIS = 300_000
const COPY = /^(src\/.*)\.sample-(\d+)\.ts\(/gm

/**
 * Gives those of the mutants that TypeScript does not refuse: nobody could hand in the others. Each
 * is compiled as a copy beside its file, all of them in one run.
 */
export async function withoutTypeErrors(
  reaper: Reaper,
  mutants: readonly GeneratedMutant[],
): Promise<GeneratedMutant[]> {
  const workspace = new Workspace(reaper, ['src', 'package.json', 'tsconfig.json'])
  for (const [index, mutant] of mutants.entries()) {
    const source = readFileSync(join(workspace.folder, mutant.file), 'utf8')
    const copy = mutant.file.replace(/\.ts$/, `.sample-${index}.ts`)
    writeFileSync(join(workspace.folder, copy), applyGenerated(mutant, source))
  }
  // What a mutant leaves unused is no error of types.
  const options = ['--noUnusedLocals', 'false', '--noUnusedParameters', 'false']
  const compiler = ['node_modules/typescript/bin/tsc', '--pretty', 'false', ...options]
  const { code, output } = await runNode(reaper, workspace, compiler, LIMIT_MILLIS)
  if (code === undefined) throw new Error('The TypeScript compiler did not end.')
  const refused = new Set([...output.matchAll(COPY)].map(([, , index]) => Number(index)))
  return mutants.filter((_, index) => !refused.has(index))
}
