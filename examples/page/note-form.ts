import { type Html, html } from './html.ts'

const MAX_LENGTH = 200

/** A text that was refused, and the reason. */
export interface RefusedNote {
  readonly text: string
  readonly problem: string
}

/** Says what is wrong with a text. Undefined if the text can be a note. */
export function refusedNote(text: string): RefusedNote | undefined {
  if (text.trim() === '') {
    return { text, problem: 'This note is empty, so it was not kept. Write something first.' }
  }
  if (text.length > MAX_LENGTH) {
    const problem = `This note has ${text.length} characters, so it was not kept. ${MAX_LENGTH} are allowed.`
    return { text, problem }
  }
  return undefined
}

/** The form for a new note. After a refusal it still contains the text, and shows the reason beside it. */
export function noteForm(refused?: RefusedNote): Html {
  const problem = refused ? html`<p class="problem" id="problem">${refused.problem}</p>` : ''
  const state = refused ? html`aria-invalid="true" aria-describedby="problem" autofocus` : ''
  return html`
    <form method="post" action="/notes" novalidate>
      <label class="unseen" for="text">A new note</label>
      <input id="text" name="text" required maxlength="${MAX_LENGTH}" autocomplete="off"
        placeholder="A new note" value="${refused?.text ?? ''}" ${state}>
      <button>Add</button>
      ${problem}
    </form>`
}
