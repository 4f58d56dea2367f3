/** HTML that can be inserted into other HTML without escaping. */
export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

type Value = string | number | Html | readonly Html[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** HTML from a template. Every value is escaped, unless it is an {@link Html}. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  const texts = values.map((value) => [value].flat().map(escaped).join(''))
  return new Html(String.raw({ raw: parts }, ...texts))
}

function escaped(value: string | number | Html): string {
  if (value instanceof Html) return value.toString()
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
