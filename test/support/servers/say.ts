/** Tells whoever watches the terminal what is going on; standard output stays the command's own. */
export function say(message: string): void {
  process.stderr.write(`servers: ${message}\n`)
}
