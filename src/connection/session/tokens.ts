/** A quoted name, a word, or one sign. White space is left out, and so is everything inside a name. */
const TOKEN = /`(?:[^`]|``)*`|[a-z_]\w*|\S/gi

/** A token, with the place in the text at which it begins. Words are in lower case. */
export interface Token {
  readonly text: string
  readonly at: number
}

/** A text that is not certainly understood. */
export class NotUnderstood extends Error {}

/** The tokens of a plain query, read from the first to the last. */
export class Tokens {
  readonly #all: readonly Token[]
  #next = 0

  constructor(sql: string) {
    this.#all = Array.from(sql.matchAll(TOKEN), (match) => ({
      text: isName(match[0]) ? match[0] : match[0].toLowerCase(),
      at: match.index,
    }))
  }

  /** The text of the one that was read last. */
  get last(): string | undefined {
    return this.#all[this.#next - 1]?.text
  }

  /** The text of the next one; undefined at the end. */
  peek(): string | undefined {
    return this.#all[this.#next]?.text
  }

  next(): Token {
    const token = this.#all[this.#next++]
    if (token === undefined) throw new NotUnderstood()
    return token
  }

  accept(text: string): boolean {
    if (this.peek() !== text) return false
    this.#next++
    return true
  }

  expect(text: string): void {
    if (!this.accept(text)) throw new NotUnderstood()
  }

  /** Reads a name in backticks. */
  readName(): Token {
    if (!isName(this.peek() ?? '')) throw new NotUnderstood()
    return this.next()
  }
}

/** True for a name in backticks. */
export function isName(text: string): boolean {
  return text.startsWith('`')
}
