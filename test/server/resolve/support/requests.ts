import type { Resolution, Resolver, TenantRequest } from '../../../../src/resolve/index.ts'
import { rejection, thrown } from '../../../support/tenants.ts'

/** The parts of a test's request. A header that was sent several times has several values. */
export interface RequestParts {
  readonly url?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly raw?: unknown
}

/** A request, as resolvers get it. */
export function requestOf({ url = '/', headers = {}, raw }: RequestParts): TenantRequest {
  return { url, header: (name) => [headers[name] ?? []].flat(), raw }
}

/** The result of a resolver that returns no promise, or the code of the error that it throws. */
export function outcome(resolver: Resolver, parts: RequestParts): Resolution {
  try {
    const resolution = resolver(requestOf(parts))
    if (resolution instanceof Promise) throw new Error('There is a promise.')
    return resolution ?? null
  } catch (error) {
    return (error as { code?: string }).code
  }
}

/** The same for a request with this host. */
export function hostOutcome(resolver: Resolver, host: string | readonly string[]): Resolution {
  return outcome(resolver, { headers: { host } })
}

/** The code of the error that a function throws. */
export function codeOf(fn: () => unknown): string | undefined {
  return thrown(fn).code as string | undefined
}

/** The code of the error that a promise rejects with. */
export async function rejectedCode(promise: unknown): Promise<string | undefined> {
  return (await rejection(promise as Promise<unknown>)).code as string | undefined
}

/** Texts that are not valid hosts for any resolver. */
export const BAD_HOSTS: readonly string[] = [
  '..',
  '.',
  ' ',
  '.example.com',
  'acme..example.com',
  'acme.example.com..',
  'acme:99999',
  'acme:65536',
  'acme:123456',
  'acme:000080',
  'acme:80:80',
  'acme:-1',
  'acme:+1',
  'acme:8o',
  ':80',
  `${'a.'.repeat(127)}example.com`,
  `${'a.'.repeat(126)}ab`,
  `${'a'.repeat(64)}.example.com`,
  `acme.${'a'.repeat(64)}`,
  `acme${'\u00ad'.repeat(300)}.example.com`,
  'a'.repeat(100_000),
  `${'é'.repeat(200)}.example.com`,
  'acme\0.example.com',
  'acme\t.example.com',
  'ac\nme.example.com',
  'acme.example.com\r\n',
  'ac me.example.com',
  ' acme.example.com',
  'acme.example.com ',
  'acme\u00a0.example.com',
  'acme%2eexample.com',
  'acme.example.com%00',
  'user@acme.example.com',
  'user:password@acme.example.com',
  'acme.example.com@evil.net',
  'acme.example.com/',
  'evil.net/acme.example.com',
  'evil.net\\acme.example.com',
  'evil.net?acme.example.com',
  'evil.net#acme.example.com',
  'http://acme.example.com',
  'acme.example.com,evil.net',
  'acme.example.com, acme.example.com',
  '"acme".example.com',
  'acme*.example.com',
  'acme;.example.com',
  '[::1',
  '::1',
  '[]',
  '[acme]',
  '[::1]acme.example.com',
  '[fe80::1%eth0]',
  '[1:2:3]',
  'xn--.example.com',
  'xn--a.example.com',
  'acme.xn--0',
  'xn--abc-.example.com',
  'bücher.xn--a.example.com',
  'xn--a.xn--bcher-kva.example.com',
  'acme／evil.example.com',
  'acme％2e.example.com',
  'acme＠evil.example.com',
  'acme，.example.com',
  '1.2.3.4.5',
  '256.1.1.1',
]
