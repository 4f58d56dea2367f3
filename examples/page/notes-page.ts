import { type Html, html } from './html.ts'
import { layout } from './layout.ts'
import { noteForm, type RefusedNote } from './note-form.ts'

/** One row of a tenant's table `notes`, with the name of its author if that is known. */
export interface Note {
  readonly id: number
  readonly text: string
  readonly author: string | null
}

/** The data of a tenant's page. */
export interface NotesPage {
  readonly framework: string
  readonly port: string
  readonly tenant: { readonly id: string; readonly database: string | null }
  readonly notes: readonly Note[]
  /** True if the notes came from the tenant's cache. */
  readonly isHit: boolean
  readonly store: string
  /** Extra content, above the notes or beside them. */
  readonly above?: Html
  readonly beside?: Html
  /** The text that was just refused. */
  readonly refused?: RefusedNote | undefined
  /** The path of a script that the page runs. */
  readonly script?: string
}

/** The page of a tenant: its notes, the form for a new one, and the effect of its cache. */
export function notesPage(page: NotesPage): string {
  const { framework, port, tenant, script, above = '', beside = '' } = page
  const content = html`
    <section class="who">
      <div class="avatar" aria-hidden="true">${tenant.id.slice(0, 1)}</div>
      <div>
        <h1>${tenant.id}</h1>
        <p>database <code>${tenant.database ?? ''}</code></p>
      </div>
    </section>
    ${above}
    <div class="cards">
      ${notesCard(page)}
      <aside>${cacheCard(page)} ${beside}</aside>
    </div>`
  return layout({ framework, port, tenant: tenant.id, content, script })
}

function notesCard({ notes, refused }: NotesPage): Html {
  const items = notes.map(
    ({ text, author }) => html`<li>${text} <small>${author ?? 'you'}</small></li>`,
  )
  return html`
    <section class="card">
      <h2>Notes</h2>
      <ul>${items}</ul>
      ${noteForm(refused)}
    </section>`
}

function cacheCard({ tenant: { id }, isHit, store }: NotesPage): Html {
  const badge = isHit
    ? html`<span class="badge hit">hit</span>`
    : html`<span class="badge miss">miss</span>`
  const text = isHit
    ? html`The notes came from ${id}'s cache in ${store}.`
    : html`The notes came from the database, and are in ${id}'s cache now: reload the page.`
  return html`
    <section class="card">
      <h2>Cache ${badge}</h2>
      <p>${text}</p>
      <form method="post" action="/cache/clear"><button class="quiet">Clear it</button></form>
    </section>`
}

/** Shows how many connections all tenants share. */
export function poolCard(connections: number): Html {
  const count = connections === 1 ? 'One connection' : `${connections} connections`
  return html`
    <section class="card">
      <h2>Pool</h2>
      <p>${count} to the server, for all tenants together.</p>
    </section>`
}

/** The page for a host that belongs to no tenant. */
export function notFoundPage(frame: { framework: string; port: string; host: string }): string {
  const content = html`
    <section class="card nobody">
      <h1>No such tenant</h1>
      <p><code>${frame.host}</code> is no tenant's host name. The status is 404.</p>
    </section>`
  return layout({ ...frame, content })
}
