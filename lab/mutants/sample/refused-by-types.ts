import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reaper } from '../../../test/support/servers.ts'
import { runNode } from '../run-node.ts'
import { Workspace } from '../workspace.ts'
import { applyGenerated, type GeneratedMutant } from './generate.ts'

const LIMIT_MILLIS = 300_000
const COPY = /^(src\/.*)\.sample-(\d+)\.ts\(/gm

/**
 * Removes mutants that TypeScript refuses: they could not be released. Each mutant is compiled as a copy
 * beside its file, all in one run.
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
  // A mutant may leave variables unused. That is not a type error.
  const options = ['--noUnusedLocals', 'false', '--noUnusedParameters', 'false']
  const compiler = ['node_modules/typescript/bin/tsc', '--pretty', 'false', ...options]
  const { code, output } = await runNode(reaper, workspace, compiler, LIMIT_MILLIS)
  if (code === undefined) throw new Error('The TypeScript compiler did not end.')
  const refused = new Set([...output.matchAll(COPY)].map(([, , index]) => Number(index)))
  return mutants.filter((_, index) => !refused.has(index))
}
