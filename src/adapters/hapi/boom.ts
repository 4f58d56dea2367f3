import { STATUS_CODES } from 'node:http'
import type { Request } from '@hapi/hapi'
import type { TenantRequestError } from '../http/request-error.ts'

/** Hapi's kind of error. Its package is a dependency of Hapi, and not of this library. */
export type Boom = Extract<Request['response'], Error>

/**
 * Turns an error into a Boom, with the status of the answer. Hapi, `onPreResponse` and `instanceof Boom`
 * recognise a Boom by its properties. These are the properties of `@hapi/boom` 10.
 */
export function toBoom(error: TenantRequestError): TenantRequestError & Boom {
  const { status, message } = error
  const boom: TenantRequestError & Boom = Object.assign(error, {
    isBoom: true,
    isServer: status >= 500,
    data: null,
    output: { statusCode: status, headers: {}, payload: payload(status, message) },
    typeof: error.constructor,
    reformat(): string {
      const { output } = boom
      Object.assign(output.payload, payload(output.statusCode, boom.message))
      return ''
    },
  })
  return boom
}

/** Lets Hapi answer with the status and the message of another error. */
export function answerAs(boom: Boom, { status, message }: TenantRequestError): void {
  Object.assign(boom, { isServer: status >= 500 })
  Object.assign(boom.output, { statusCode: status, payload: payload(status, message) })
}

function payload(statusCode: number, message: string): Boom['output']['payload'] {
  return { statusCode, error: STATUS_CODES[statusCode] ?? 'Unknown', message }
}
