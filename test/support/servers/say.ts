/** Prints progress to standard error. Standard output belongs to the command. */
export function say(message: string): void {
  process.stderr.write(`servers: ${message}\n`)
}
