import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { outside } from '../../base/scope.ts'
import type { RequestScope } from './request-scope.ts'

type Listener = (...args: unknown[]) => void

/** The members of Node's response that are used here. */
interface NodeResponse extends EventEmitter {
  readonly socket?: (Socket & { server?: unknown; _httpMessage?: unknown }) | null
  _onPendingData?: (amount: number) => void
}

/**
 * A response that waits for its socket reports how much data it has to send. This runs outside all
 * scopes, because Node then emits `drain` on another response: the one that has the socket.
 */
export function waitOutside(res: NodeResponse): void {
  const { _onPendingData: tell } = res
  if (res.socket !== null || !tell) return
  res._onPendingData = (amount) => outside(() => tell(amount))
}

/**
 * Passes a response's socket to the next response, outside all scopes. If a client sends requests without
 * waiting for the answers, Node's own listener of `finish` gives the socket to the next waiting response.
 * The events of that response must not begin in the scope of this one. So Node's listener, and all
 * listeners before it, are called and removed here.
 *
 * @returns false if an unknown listener may still pass the socket on
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

/**
 * Tells whether a listener is Node's own. Node 20 to 24 bind a listener for each response. Node 26 has
 * one for all responses, and its name is not unique, so its text is checked, too.
 */
function isNodes(listener: Listener): boolean {
  const { name } = listener
  if (name === 'bound resOnFinish') return true
  return name === 'onResponseFinish' && /\bresOnFinish\b/.test(String(listener))
}

/** True if a response has the socket of a real connection. Other responses may wait for that socket. */
function holdsSocket(res: NodeResponse): boolean {
  const { socket } = res
  return Boolean(socket?.server) && socket?._httpMessage === res
}
