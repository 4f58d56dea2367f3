/** The words of a text, for lists that are easier to read than an array of strings. */
export function words(text: string): string[] {
  return text.split(/\s+/)
}
