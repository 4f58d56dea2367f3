import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { read } from './examples.ts'

const ROOT = new URL('../../', import.meta.url)

/** The links of a page to files and headings of this project that lead nowhere. */
export function deadLinksOf(file: string): string[] {
  const text = withoutCode(read(file))
  const links = [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = '']) => link)
  return links.filter((link) => !/^\w+:/.test(link) && !leadsSomewhere(file, link))
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', heading] = link.split('#')
  const file = path ? posix.join(posix.dirname(from), path) : from
  if (!existsSync(fileURLToPath(new URL(file, ROOT)))) return false
  return heading === undefined || anchorsOf(read(file)).includes(heading)
}

/** What the headings of a page are called in links, as GitHub makes it of their text. */
function anchorsOf(page: string): string[] {
  return [...withoutBlocks(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function withoutBlocks(page: string): string {
  return page.replace(/^```.*?^```$/gms, '')
}

function withoutCode(page: string): string {
  return withoutBlocks(page).replace(/`[^`\n]*`/g, '')
}
