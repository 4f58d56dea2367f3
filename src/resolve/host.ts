import { domainToASCII, domainToUnicode } from 'node:url'

/** RFC 1035, 2.3.4, without the label of the root. */
const MAX_NAME_LENGTH = 253
const MAX_PORT = 65_535
const TOO_LONG = `it has more than ${MAX_NAME_LENGTH} characters`
const MAX_TEXT_LENGTH = MAX_NAME_LENGTH + `.:${MAX_PORT}`.length

/**
 * A name or an IPv6 address, then perhaps a port. It checks the text itself, because `URL` drops tabs
 * and line breaks, decodes percent escapes, and accepts a user name and a path.
 */
const HOST = /^(\[[\da-f:.]+\]|[\w.\-\u00a1-\uffff]+)(?::(\d{0,5}))?$/i

/**
 * The host of most requests, already in its final form. It does not match a number as the last label,
 * because that may be an IPv4 address.
 */
const PLAIN = /^((?:[a-z\d_-]{1,63}\.)*[a-z][a-z\d_-]{0,62})(?::\d{0,4})?$/
const LABELS = /^(?:[a-z\d_-]{1,63}\.)*[a-z\d_-]{1,63}$/
const IPV6 = /^\[[\da-f:]+\]$/
const ENCODED = /(?:^|\.)xn--/

/**
 * The name of a host, in lower case, without port and trailing dot. An international name is in
 * punycode. An IPv6 address is in its shortest form, in brackets.
 *
 * @param text the value of a Host header
 * @param refuse creates the error to throw if the text is not a host
 */
export function parseHost(text: string, refuse: (problem: string) => Error): string {
  if (text.length > MAX_TEXT_LENGTH) throw refuse(TOO_LONG)
  const host = PLAIN.exec(text)?.[1] ?? ''
  const isPlain = host !== '' && host.length <= MAX_NAME_LENGTH && !host.includes('xn--')
  return isPlain ? host : parseAnyHost(text, refuse)
}

function parseAnyHost(text: string, refuse: (problem: string) => Error): string {
  const [, name, port] = HOST.exec(text) ?? []
  if (name === undefined) throw refuse('it is not a host name')
  if (Number(port) > MAX_PORT) throw refuse(`its port is above ${MAX_PORT}`)
  const host = canonical(name.endsWith('.') ? name.slice(0, -1) : name)
  if (host === undefined) throw refuse('it is not a host name')
  if (host.length > MAX_NAME_LENGTH) throw refuse(TOO_LONG)
  return host
}

function canonical(name: string): string | undefined {
  if (name.endsWith('.')) return undefined // two dots at the end, and `URL` would accept one of them
  const url = `http://${name}`
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  return (LABELS.test(host) && isDecodable(host)) || IPV6.test(host) ? host : undefined
}

/** `URL` of Node 24 and later accepts any ASCII text after `xn--`, even if it does not decode to a name. */
function isDecodable(host: string): boolean {
  if (!ENCODED.test(host)) return true
  const name = domainToUnicode(host)
  return !ENCODED.test(name) && domainToASCII(name) === host
}
