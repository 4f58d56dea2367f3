import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { read } from './examples.ts'

const ROOT = new URL('../../', import.meta.url)

/** The beginnings of absolute links to files of this project: to pages, and to images. */
const HOMES = [
  'https://github.com/tenant-knex/tenant-knex/blob/main/',
  'https://raw.githubusercontent.com/tenant-knex/tenant-knex/main/',
]

/** Makes GitHub serve a raw SVG as an image instead of text. */
const AS_IMAGE = '?sanitize=true'

/** The links of a page to missing files and headings of this project. */
export function deadLinksOf(file: string): string[] {
  return linksOf(file).filter((link) => {
    const home = HOMES.find((prefix) => link.startsWith(prefix))
    if (home !== undefined)
      return !leadsSomewhere('', link.slice(home.length).replace(AS_IMAGE, ''))
    return !isAbsolute(link) && !leadsSomewhere(file, link)
  })
}

/** The links of a page that work only from the page's place in the repository. */
export function relativeLinksOf(file: string): string[] {
  return linksOf(file).filter((link) => !isAbsolute(link) && !link.startsWith('#'))
}

function linksOf(file: string): string[] {
  return [...withoutCode(read(file)).matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = '']) => link)
}

function isAbsolute(link: string): boolean {
  return /^\w+:/.test(link)
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', heading] = link.split('#')
  const file = path ? posix.join(posix.dirname(from), path) : from
  if (!existsSync(fileURLToPath(new URL(file, ROOT)))) return false
  return heading === undefined || anchorsOf(read(file)).includes(heading)
}

/** The anchors of a page's headings, as GitHub derives them from the text. */
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
