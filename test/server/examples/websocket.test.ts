import { once } from 'node:events'
import { expect } from 'chai'
import { WebSocket } from 'ws'
import { until } from '../../support/tenants.ts'
import { describeServers } from './support/example-suite.ts'
import { send } from './support/http.ts'

describe('the example with WebSockets', () => {
  describeServers(['websocket'], (_name, example) => {
    const open: WebSocket[] = []
    afterEach(() => {
      for (const webSocket of open.splice(0)) webSocket.terminate()
    })

    /** A connection as a browser opens it, and the texts that come. */
    const connect = async (tenant: string): Promise<{ webSocket: WebSocket; texts: string[] }> => {
      const { port } = example()
      const headers = { host: `${tenant}.localhost:${port}` }
      const webSocket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers })
      open.push(webSocket)
      const texts: string[] = []
      webSocket.on('message', (data) => texts.push(JSON.parse(String(data)).text))
      await once(webSocket, 'open')
      return { webSocket, texts }
    }

    it('sends each tenant its own notes, and what one writes to those of the tenant', async () => {
      const [acme1, acme2, globex] = await Promise.all([
        connect('acme'),
        connect('acme'),
        connect('globex'),
      ])
      await until('the notes', () => acme1.texts.length === 3 && globex.texts.length === 4)
      await until('the same notes', () => acme2.texts.length === 3)
      expect(globex.texts[0]).to.equal('Hammocks for the whole department')

      acme1.webSocket.send(' ') // is no note
      acme1.webSocket.send('Anvils')
      globex.webSocket.send('Sharks')
      await until('what was written', () => acme2.texts.length === 4 && globex.texts.length === 5)
      await until('what was written', () => acme1.texts.length === 4)
      expect(acme1.texts.at(-1)).to.equal('Anvils')
      expect(acme2.texts.at(-1)).to.equal('Anvils')
      expect(globex.texts.at(-1)).to.equal('Sharks')
    })

    it('goes on after one has left', async () => {
      const [left, stays] = [await connect('globex'), await connect('globex')]
      await until('the notes', () => stays.texts.length > 0)
      left.webSocket.terminate()
      await once(left.webSocket, 'close')
      stays.webSocket.send('Still here')
      await until('what was written', () => stays.texts.at(-1) === 'Still here')
    })

    it('opens none for tenants that there are not', async () => {
      const { port } = example()
      for (const host of ['nobody.localhost', 'localhost', 'not a host']) {
        const webSocket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host } })
        const [error] = await once(webSocket, 'error')
        expect(error.message).to.include('404')
      }
    })

    it('has a page to try it with', async () => {
      const { status, text } = await send({ port: example().port, host: 'acme.localhost' })
      expect(status).to.equal(200)
      expect(text).to.include('new WebSocket')
    })
  })
})
