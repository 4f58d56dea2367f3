import { expect } from 'chai'
import { parseHost } from '../../../src/resolve/host.ts'
import { BAD_HOSTS } from '../../server/resolve/support/requests.ts'

const parse = (text: string): string =>
  parseHost(text, (problem) => new Error(`refused: ${problem}`))

describe('the name of a host', () => {
  for (const [text, host] of [
    ['acme.example.com', 'acme.example.com'],
    ['ACME', 'acme'],
    ['Acme.EXAMPLE.com', 'acme.example.com'],
    ['acme.example.com.', 'acme.example.com'],
    ['acme.example.com:80', 'acme.example.com'],
    ['acme.example.com:0', 'acme.example.com'],
    ['acme.example.com:65535', 'acme.example.com'],
    ['acme.example.com:', 'acme.example.com'],
    ['ACME.example.com.:', 'acme.example.com'],
    ['ACME.example.com.:8080', 'acme.example.com'],
    ['acme.localhost:3000', 'acme.localhost'],
    ['ac_me-1.example.com', 'ac_me-1.example.com'],
    ['acme.example.com.evil.net', 'acme.example.com.evil.net'],
    ['bücher.example.com', 'xn--bcher-kva.example.com'],
    ['BÜCHER.example.com', 'xn--bcher-kva.example.com'],
    ['XN--BCHER-KVA.example.com', 'xn--bcher-kva.example.com'],
    ['xn--bcher-kva.example.com', 'xn--bcher-kva.example.com'],
    ['127.0.0.1:80', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['[::1]', '[::1]'],
    ['[::1]:8080', '[::1]'],
    ['[0:0:0:0:0:0:0:1]', '[::1]'],
    ['[2001:DB8::A]:443', '[2001:db8::a]'],
    ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
    [`${'a'.repeat(63)}.example.com`, `${'a'.repeat(63)}.example.com`],
    [`${'a.'.repeat(126)}a:65535`, `${'a.'.repeat(126)}a`],
  ] as const) {
    it(`in ${shown(text)} is ${shown(host)}`, () => {
      expect(parse(text)).to.equal(host)
    })
  }

  for (const text of BAD_HOSTS) {
    it(`is none in ${shown(text)}`, () => {
      expect(() => parse(text)).to.throw('refused: ')
    })
  }

  it('is none where it is empty', () => {
    expect(() => parse('')).to.throw('refused: it is not a host name')
  })

  it('is not shown where it is none', () => {
    expect(() => parse('secret@acme')).to.throw('refused: it is not a host name')
  })

  it('never is another than URL has, for any text of few letters', () => {
    const letters = ['a', 'Z', '1', '.', '-', ':', ']', '%', '\t', 'ü', '0x']
    let parsed = 0
    for (const text of words(letters, 4)) {
      const host = attempt(text)
      if (host === undefined) continue
      parsed++
      expect(host, text).to.match(/^(?:[a-z\d_-]+(?:\.[a-z\d_-]+)*|\[[\da-f:]+\])$/)
      expect(new URL(`http://${text}`).hostname.replace(/\.$/, ''), text).to.equal(host)
      expect(parse(host), text).to.equal(host)
    }
    expect(parsed).to.be.greaterThan(1_000)
  })
})

function attempt(text: string): string | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

function* words(letters: readonly string[], length: number): Generator<string> {
  if (length === 0) return yield ''
  for (const letter of letters) {
    for (const rest of words(letters, length - 1)) yield letter + rest
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
