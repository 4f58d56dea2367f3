import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { outside } from '../../base/scope.ts'
import type { RequestScope } from './request-scope.ts'

type Listener = (...args: unknown[]) => void

/** A response of Node's, as far as it is looked at. */
interface NodeResponse extends EventEmitter {
  readonly socket?: (Socket & { server?: unknown; _httpMessage?: unknown }) | null
  _onPendingData?: (amount: number) => void
}

/**
 * Lets a response that waits for its socket say outside all scopes how much it has to send. Node tells
 * the response that has the socket, by its event `drain`.
 */
export function waitOutside(res: NodeResponse): void {
  const { _onPendingData: tell } = res
  if (res.socket !== null || !tell) return
  res._onPendingData = (amount) => outside(() => tell(amount))
}

/**
 * Lets Node pass a response's socket on outside all scopes. When requests come without waiting
 * for each other, Node's own listener of `finish` gives the socket to the response that waits for it. The
 * events of that one must not begin in this one's scope. The listeners that are to be called before
 * Node's are called here, too.
 *
 * @returns false if the socket may yet be passed on, by a listener that is not known here
 */
export function passSocketOn(res: EventEmitter, scope: RequestScope): boolean {
  const listeners = res.rawListeners('finish') as Listener[]
  const own = listeners.findIndex(isNodes)
  if (own === -1) return !holdsSocket(res)
  for (const listener of listeners.slice(0, own)) {
    res.removeListener('finish', listener)
    scope.call(() => Reflect.apply(listener, res, []))
  }
  const listener = listeners[own] as Listener
  res.removeListener('finish', listener)
  outside(() => Reflect.apply(listener, res, []))
  return true
}

/** Node 20 to 24 bind a listener for each response. Node 26 has one for all, with a name that others use, too. */
function isNodes(listener: Listener): boolean {
  const { name } = listener
  if (name === 'bound resOnFinish') return true
  return name === 'onResponseFinish' && /\bresOnFinish\b/.test(String(listener))
}

/** Whether a response has the socket of a real connection, which others may wait for. */
function holdsSocket(res: NodeResponse): boolean {
  const { socket } = res
  return Boolean(socket?.server) && socket?._httpMessage === res
}
