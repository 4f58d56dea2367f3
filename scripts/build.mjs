// Compiles src/ twice, to ES modules and to CommonJS, from the same sources and without a bundler.
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tsc = join(root, 'node_modules', '.bin', 'tsc')

rmSync(join(root, 'dist'), { recursive: true, force: true })
for (const project of ['tsconfig.json', 'tsconfig.cjs.json']) {
  const args = ['-p', join(root, 'src', project)]
  const { status, error } = spawnSync(tsc, args, { stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(1)
}
writeFileSync(join(root, 'dist', 'cjs', 'package.json'), '{ "type": "commonjs" }\n')
