import { Html, html } from './html.ts'
import { STYLE } from './style.ts'

/** What surrounds the content of a page. */
export interface Frame {
  /** The framework that the example is about. */
  readonly framework: string
  /** Whose page it is; undefined for one that is nobody's. */
  readonly tenant?: string | undefined
  readonly port: string
  readonly content: Html
}

/** The tenants that one can go to, and one that does not exist. */
const LINKS = ['acme', 'globex', 'nobody']

/** A whole page. */
export function layout({ framework, tenant, port, content }: Frame): string {
  const links = LINKS.map((id) => {
    const current = new Html(id === tenant ? 'aria-current="page"' : '')
    return html`<a href="//${id}.localhost:${port}/" ${current}>${id}</a>`
  })
  const page = html`<!doctype html>
<html lang="en" style="--hue: ${hueOf(tenant)}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${tenant ?? 'No such tenant'}: tenant-knex with ${framework}</title>
  <link rel="icon" href="data:,">
  <style>${new Html(STYLE)}</style>
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

/** A colour for each tenant, as an angle; grey blue where there is none. */
function hueOf(tenant: string | undefined): number {
  if (tenant === undefined) return 210
  return [...tenant].reduce((hue, letter) => (hue * 51 + letter.charCodeAt(0)) % 360, 0)
}
