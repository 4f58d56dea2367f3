import { once } from 'node:events'
import { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import type { Application, Running } from './application.ts'

/** Lets an HTTP server listen on a free port of the loopback interface. The application watches it. */
export async function serve(app: Application, server: Server): Promise<Running> {
  app.watch(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      if (server instanceof HttpServer) server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
