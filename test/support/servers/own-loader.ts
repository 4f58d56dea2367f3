import { chmod, open, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const ELF = '\x7fELF'

/**
 * Makes programs work that were unpacked together with their C library. Each becomes a script that starts it
 * with the loader and the libraries in that folder. The folder may be moved.
 */
export async function useOwnLoader(prefix: string): Promise<void> {
  const libraries = await onlyEntry(join(prefix, 'usr/lib'), /-linux-gnu/)
  const loader = await onlyEntry(join(prefix, 'usr/lib', libraries), /^ld-linux.*\.so\.\d+$/)
  for (const folder of ['usr/bin', 'usr/sbin']) {
    for (const name of await programsIn(join(prefix, folder))) {
      const program = join(prefix, folder, name)
      await rename(program, `${program}.elf`)
      await writeFile(program, script(libraries, loader, name))
      await chmod(program, 0o755)
    }
  }
}

function script(libraries: string, loader: string, name: string): string {
  return `#!/bin/sh
here=\${0%/*}
lib=$here/../lib/${libraries}
exec "$lib/${loader}" --library-path "$lib:$lib/mysql/private" "$here/${name}.elf" "$@"
`
}

async function programsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  const beginnings = await Promise.all(files.map((file) => beginningOf(join(folder, file))))
  return files.filter((_, index) => beginnings[index] === ELF)
}

async function beginningOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(ELF.length))
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}

async function onlyEntry(folder: string, pattern: RegExp): Promise<string> {
  const entry = (await readdir(folder)).find((name) => pattern.test(name))
  if (entry === undefined) throw new Error(`${folder} has no ${pattern}`)
  return entry
}
