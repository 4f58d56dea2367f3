import { type Html, html } from '../../page/html.ts'
import { type Outcome, REQUESTS } from './volley.ts'

/** The result of a click on the button. */
export interface Proof extends Outcome {
  /** Switches of connections between databases during the proof. */
  readonly switches: number
}

/** The data of the section. */
export interface ProofSection {
  readonly tenants: readonly string[]
  /** The most connections of the pool. */
  readonly max: number
  /** Undefined before the first click. */
  readonly proof?: Proof | undefined
}

/** The numbers of a proof and their labels, in the order of the page. */
const NUMBERS: readonly (readonly [keyof Proof, string])[] = [
  ['answers', 'answers'],
  ['errors', 'errors'],
  ['rows', 'rows read'],
  ['switches', 'switches'],
  ['connections', 'connections used'],
  ['sharedConnections', 'used by both'],
]

/** A button that starts a proof, the result, and a list of the pool's connections. */
export function proofSection(section: ProofSection): Html {
  return html`
    <div class="card proof">
      <section aria-labelledby="proof-title">${proofPart(section)}</section>
      <section aria-labelledby="pool-title">${poolPart(section)}</section>
    </div>`
}

function proofPart({ tenants, proof }: ProofSection): Html {
  const each = REQUESTS / tenants.length
  const numbers = NUMBERS.map(
    ([name, label]) => html`
        <div><dt>${label}</dt><dd data-number="${name}">${proof?.[name] ?? '–'}</dd></div>`,
  )
  return html`
    <h2 id="proof-title">Does a row ever cross?</h2>
    <p>The server sends itself ${REQUESTS} HTTP requests at once, ${each} each to
      ${tenants.join(' and ')}, by turns. Each row names the tenant whose database it is in. That must be the tenant that was asked.</p>
    <form method="post" action="/proof" id="proof"><button>Send ${REQUESTS} requests</button></form>
    <div class="outcome" id="outcome" aria-live="polite" aria-atomic="true"
      data-verdict="${proof ? verdictOf(proof) : ''}">
      <p class="wrong"><b data-number="wrongRows">${proof?.wrongRows ?? '–'}</b> wrong rows</p>
      <dl>${numbers}</dl>
      <p id="sentence">${proof ? sentenceOf(proof) : 'Nothing has been sent yet.'}</p>
    </div>`
}

/** Starts with an empty list: `browser.js` fills it. */
function poolPart({ max }: ProofSection): Html {
  const empty = html`<tr><td>–</td><td></td><td></td><td></td></tr>`
  return html`
    <h2 id="pool-title">The pool <span class="badge" id="live">not live</span></h2>
    <table aria-labelledby="pool-title">
      <thead>
        <tr><th scope="col">Id</th><th scope="col">Tenant</th><th scope="col">State</th>
          <th scope="col">For</th></tr>
      </thead>
      <tbody id="connections">${Array.from({ length: max }, () => empty)}</tbody>
    </table>
    <p>All tenants share these ${max} connections. Waiting: <b id="waiting">0</b>.</p>
    <noscript><p>The list is live in browsers that run JavaScript.</p></noscript>`
}

/** Rates a proof: `good` or `bad`. */
export function verdictOf({ requests, answers, rows, wrongRows }: Proof): 'good' | 'bad' {
  return answers === requests && rows > 0 && wrongRows === 0 ? 'good' : 'bad'
}

/** Describes the result in a sentence. */
export function sentenceOf({ requests, answers, errors, rows, wrongRows }: Proof): string {
  if (errors > 0) return `${errors} of ${requests} requests failed. The server's output says why.`
  if (wrongRows > 0) return `${wrongRows} of ${rows} rows were another tenant's.`
  if (rows === 0) return `${answers} answers came, but no row: this proves nothing.`
  return 'Every row was of the tenant that was asked.'
}
