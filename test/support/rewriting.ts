import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

/**
 * Runs a function with a proxy in front of a server. The proxy replaces a text in data from clients by
 * another text of the same length.
 */
export async function withRewriting<T>(
  serverUrl: string,
  rewrite: Readonly<Record<string, string>>,
  fn: (url: string) => Promise<T>,
): Promise<T> {
  const target = new URL(serverUrl)
  const proxy = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const side of [client, upstream]) side.on('error', () => client.destroy())
    client.on('data', (data) => upstream.write(rewritten(data, rewrite)))
    client.on('close', () => upstream.destroy())
    upstream.pipe(client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = new URL(serverUrl)
  url.hostname = '127.0.0.1'
  url.port = String((proxy.address() as AddressInfo).port)
  try {
    return await fn(url.href)
  } finally {
    proxy.close()
  }
}

function rewritten(data: Buffer, rewrite: Readonly<Record<string, string>>): Buffer {
  let text = data.toString('latin1')
  for (const [from, to] of Object.entries(rewrite))
    text = text.replace(from, to.padEnd(from.length))
  return Buffer.from(text, 'latin1')
}
