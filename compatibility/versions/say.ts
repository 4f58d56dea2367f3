/** Tells whoever watches what is going on; standard output is for the report. */
export function say(message: string): void {
  process.stderr.write(`versions: ${message}\n`)
}
