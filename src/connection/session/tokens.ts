/** A quoted name, a word, or one sign. White space is left out, and so is everything inside a name. */
const TOKEN = /`(?:[^`]|``)*`|[a-z_]\w*|\S/gi

/** A token, with the place in the text at which it begins. Words are in lower case. */
export interface Token {
  readonly text: string
  readonly at: number
}

/** A text that is not certainly understood. */
export class NotUnderstood extends Error {}

/** The tokens of a plain query. */
export function tokensOf(sql: string): readonly Token[] {
  return Array.from(sql.matchAll(TOKEN), (match) => ({
    text: isName(match[0]) ? match[0] : match[0].toLowerCase(),
    at: match.index,
  }))
}

/** True for a name in backticks. */
export function isName(text: string): boolean {
  return text.startsWith('`')
}
