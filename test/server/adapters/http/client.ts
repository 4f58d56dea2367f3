import { once } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage, request as send } from 'node:http'
import { connect } from 'node:net'

/** An answer. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** True if the connection has served another request before. */
  readonly isReused: boolean
}

/** A request of a client. */
export interface Ask {
  readonly path: string
  readonly method?: string
  readonly host?: string
  /** The name of the request: `<number>:<tenant>`. */
  readonly name?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Iterable<string> | AsyncIterable<string>
}

/** A real HTTP client that keeps its connections alive. */
export class Client {
  readonly #port: number
  readonly #agent: Agent

  constructor(port: number, connections = 64) {
    this.#port = port
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** Sends a request, and reads the whole answer. */
  async ask(ask: Ask): Promise<Answer> {
    const request = this.#open(ask)
    const isFree = once(request, 'close')
    const [answer] = await Promise.all([answered(request), write(request, ask)])
    const { status, body } = await read(answer)
    await isFree
    return { status, body, isReused: request.reusedSocket }
  }

  /** Sends a request, and hangs up when the first part of the answer is there. */
  async abortAnswer(ask: Ask): Promise<void> {
    const request = this.#open(ask)
    const [answer] = await Promise.all([answered(request), write(request, ask)])
    answer.on('error', () => undefined)
    await once(answer, 'readable')
    request.destroy()
  }

  /** Sends a request, and hangs up when a condition holds. */
  async abortWhen(ask: Ask, condition: () => Promise<unknown>): Promise<void> {
    const request = this.#open(ask)
    request.on('error', () => undefined)
    write(request, ask).catch(() => undefined)
    await condition()
    request.destroy()
  }

  close(): void {
    this.#agent.destroy()
  }

  #open({ path, method = 'GET', host = 'other.test', name = '0:', headers }: Ask): ClientRequest {
    return send({
      port: this.#port,
      host: '127.0.0.1',
      agent: this.#agent,
      method,
      path,
      headers: { host, 'x-request': name, ...headers },
    })
  }
}

/** Sends requests over one connection without waiting for answers. Returns all received text. */
export async function pipelined(port: number, asks: readonly Ask[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const last = asks.length - 1
  socket.write(
    asks.map((ask, index) => head(ask, index === last ? 'close' : 'keep-alive')).join(''),
  )
  let received = ''
  for await (const chunk of socket) received += chunk
  return received
}

function head(ask: Ask, connection: string): string {
  const { path, method = 'GET', host = 'other.test', name = '0:' } = ask
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, `X-Request: ${name}`]
  return [...lines, `Connection: ${connection}`, '', ''].join('\r\n')
}

async function answered(request: ClientRequest): Promise<IncomingMessage> {
  const [answer] = await once(request, 'response')
  return answer
}

async function write(request: ClientRequest, { body = [] }: Ask): Promise<void> {
  for await (const chunk of body) request.write(chunk)
  request.end()
}

async function read(answer: IncomingMessage): Promise<Pick<Answer, 'status' | 'body'>> {
  let body = ''
  // No iterator: it would close the connection.
  answer.setEncoding('utf8').on('data', (chunk) => {
    body += chunk
  })
  await once(answer, 'end')
  return { status: answer.statusCode as number, body }
}
