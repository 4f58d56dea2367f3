/*
 * Passes data on to a server and back, and delays it by half of the delay each way. Sends its port to the
 * process that has forked it. Arguments: host, port, delay in milliseconds.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { DelayLine } from './delay-line.ts'

const [host, port, delayMillis] = process.argv.slice(2)
const line = new DelayLine(Number(delayMillis) / 2)

const server = createServer((client) => {
  const upstream = connect(Number(port), host)
  pass(client, upstream)
  pass(upstream, client)
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))

function pass(from: Socket, to: Socket): void {
  from.setNoDelay(true)
  from.on('data', (data) => line.push(() => void to.write(data)))
  from.on('end', () => line.push(() => to.end()))
  from.on('error', () => to.destroy())
  from.on('close', () => line.push(() => to.destroySoon()))
}
