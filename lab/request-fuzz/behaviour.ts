import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import type { Place, Watch } from './watch.ts'

type Answer = (watch: Watch, req: IncomingMessage, res: ServerResponse, place: Place) => void

const CHUNK = Buffer.alloc(40_000, 'x')
const EVENTS_OF_REQUEST = ['data', 'end', 'close', 'aborted', 'error', 'pause', 'resume']
const EVENTS_OF_RESPONSE = ['finish', 'close', 'drain', 'prefinish', 'error', 'pipe', 'unpipe']

/** The handler's answer to a request, by the end of its path. */
export const ANSWERS: Record<string, Answer> = {
  small: (_watch, _req, res) => void res.end('small'),
  slow: (watch, req, res, place) => {
    setTimeout(() => {
      watch.look('timer', req, place)
      res.end('slow')
    }, 2)
  },
  large(watch, req, res, place) {
    let left = 5
    const write = (): void => {
      watch.look('writing', req, place)
      while (left-- > 0) if (!res.write(CHUNK)) return void res.once('drain', write)
      res.end()
    }
    write()
  },
  streamed(watch, req, res, place) {
    let left = 5
    const body = new Readable({
      read() {
        watch.look('reading', req, place)
        this.push(left-- > 0 ? CHUNK : null)
      },
    })
    pipeline(body, res, () => watch.look('pipeline', req, place))
  },
  'destroyed-request': (_watch, req, res) => {
    res.write('half')
    setImmediate(() => req.destroy())
  },
  'destroyed-response': (_watch, _req, res) => {
    res.write(CHUNK)
    setImmediate(() => res.destroy())
  },
  'destroyed-socket': (_watch, req) => {
    setImmediate(() => req.socket.destroy())
  },
}

/** Answers a request, and checks the scope in everything that happens to it. */
export function answer(
  watch: Watch,
  req: IncomingMessage,
  res: ServerResponse,
  place: Place = 'own',
): void {
  watch.look('handler', req, place)
  listen(watch, req, res, place)
  void Promise.resolve().then(() => watch.look('promise', req, place))
  const kind = String(req.url).split('/').at(-1)?.split('?')[0] as string
  ANSWERS[kind]?.(watch, req, res, place)
}

/** Checks the scope at each event of a request and of its response. */
export function listen(
  watch: Watch,
  req: IncomingMessage,
  res: ServerResponse,
  place: Place,
): void {
  // Each nested application adds some listeners.
  req.setMaxListeners(0)
  res.setMaxListeners(0)
  // Node 26 has it, and aborts it when the socket closes.
  const { signal } = req as { signal?: AbortSignal }
  signal?.addEventListener('abort', () => watch.look(`${place} signal`, req, 'outer'))
  for (const event of EVENTS_OF_REQUEST) {
    // The handler reads the body.
    if (event === 'data' && place === 'outer') continue
    req.on(event, () => watch.look(`${place} req ${event}`, req, place))
  }
  for (const event of EVENTS_OF_RESPONSE) {
    res.on(event, () => watch.look(`${place} res ${event}`, req, place))
  }
  if (req.headers['x-early']) {
    res.prependListener('finish', () => watch.look(`${place} early finish`, req, place))
  }
}
