import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/.*$/gm
const RELATIVE_IMPORT = /(?:from|import\()\s*'(\.[^']+)\.ts'/g

/** Finds the lines with `any` in a declaration file and in all files of the package that it imports. */
export function findAny(entry) {
  const files = reachable(entry)
  return [...files].flatMap(([file, text]) =>
    text
      .split('\n')
      .filter((line) => /\bany\b/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  )
}

function reachable(file, found = new Map()) {
  if (found.has(file)) return found
  if (!existsSync(file)) throw new Error(`${file} is imported, but not in the package`)
  const text = readFileSync(file, 'utf8').replace(COMMENT, '')
  found.set(file, text)
  for (const [, path] of text.matchAll(RELATIVE_IMPORT)) {
    reachable(join(dirname(file), `${path}.d.ts`), found)
  }
  return found
}
