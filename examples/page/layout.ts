import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'
import { STYLE } from './style.ts'

/** The parts of a page around its content. */
export interface Frame {
  /** The framework that the example shows. */
  readonly framework: string
  /** The tenant of the page; undefined for a page without a tenant. */
  readonly tenant?: string | undefined
  readonly port: string
  readonly content: Html
  /** The path of the page's script; undefined for a page without one. */
  readonly script?: string | undefined
}

/** The tenants that the page links to, and one that does not exist. */
const LINKS = ['acme', 'globex', 'nobody']

const STYLES = `${STYLE}${LINKS.map(hueRule).join('')}`

/** The browser applies this style and runs scripts of this server. It blocks everything else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  `style-src 'sha256-${createHash('sha256').update(STYLES).digest('base64')}'`,
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
].join('; ')

/** A whole page. */
export function layout({ framework, tenant, port, content, script }: Frame): string {
  const links = LINKS.map((id) => {
    const current = new Html(id === tenant ? 'aria-current="page"' : '')
    return html`<a href="//${id}.localhost:${port}/" ${current}>${id}</a>`
  })
  const page = html`<!doctype html>
<html lang="en" data-tenant="${tenant ?? ''}">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${new Html(POLICY)}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${tenant ?? 'No such tenant'}: tenant-knex with ${framework}</title>
  <link rel="icon" href="data:,">
  <style>${new Html(STYLES)}</style>
  ${script === undefined ? '' : html`<script type="module" src="${script}"></script>`}
</head>
<body>
  <header>
    <strong>tenant-knex <span>with ${framework}</span></strong>
    <nav aria-label="Tenants">${links}</nav>
  </header>
  <main>${content}</main>
</body>
</html>
`
  return page.toString()
}

/** A colour for each tenant, as an angle. */
function hueRule(tenant: string): string {
  const hue = [...tenant].reduce((sum, letter) => (sum * 51 + letter.charCodeAt(0)) % 360, 0)
  return `[data-tenant='${tenant}'] { --hue: ${hue}; }\n`
}
