import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** A request to a server on this machine. */
export interface Sent {
  readonly port: number
  /** What the client takes the server's name to be. */
  readonly host?: string
  /** @defaultValue '/' */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Is sent by POST: a form, or an object as JSON. */
  readonly body?: URLSearchParams | object
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

/** Sends a request and reads the whole answer. */
export async function send({
  port,
  host = 'localhost',
  path,
  headers,
  body,
}: Sent): Promise<Answer> {
  const [type, content] = encoded(body)
  const outgoing = request({
    ...{ port, path, host: '127.0.0.1' },
    method: body ? 'POST' : 'GET',
    headers: { host: `${host}:${port}`, ...(type && { 'content-type': type }), ...headers },
  })
  outgoing.end(content)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return {
    status: incoming.statusCode as number,
    headers: incoming.headers,
    text: await text(incoming),
  }
}

function encoded(body: Sent['body']): [type?: string, content?: string] {
  if (body === undefined) return []
  if (body instanceof URLSearchParams) return ['application/x-www-form-urlencoded', String(body)]
  return ['application/json', JSON.stringify(body)]
}
