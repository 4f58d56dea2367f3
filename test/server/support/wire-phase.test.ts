import { expect } from 'chai'
import { withProxy } from '../../support/proxy.ts'
import { onEachServer, withTenants } from '../../support/tenants.ts'
import { PacketFinder } from '../../support/wire-packets.ts'
import { type WirePhase, WireState } from '../../support/wire-phase.ts'

/** A packet's bytes. */
function bytes(sequenceId: number, ...body: (number | string)[]): Buffer {
  const data = Buffer.concat(
    body.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))),
  )
  return Buffer.concat([Buffer.from([data.length, 0, 0, sequenceId]), data])
}

const OK = bytes(1, 0, 0, 0, 2, 0, 0, 0)
const OK_IN_TRANSACTION = bytes(1, 0, 0, 0, 3, 0, 0, 0)
const EOF = bytes(3, 0xfe, 0, 0, 2, 0)
const EOF_MORE = bytes(3, 0xfe, 0, 0, 0x0a, 0)
const ROWS = [bytes(1, 1), bytes(2, 3, 'def'), EOF, bytes(4, 1, 'a')]
const GREETING = bytes(0, 10, '10.11.19-MariaDB\0', 42, 1, 0, 0, 'salt')
const RESET = bytes(0, 0x1f)
const DATABASE = bytes(0, 0x02, 'a')

describe('given the packets of a connection', () => {
  let state: WireState
  const seen = (side: 'sent' | 'answered', ...packets: Buffer[]): WirePhase => {
    for (const { packet } of new PacketFinder().find(Buffer.concat(packets))) state[side](packet)
    return state.phase
  }
  const sent = (...packets: Buffer[]) => seen('sent', ...packets)
  const answered = (...packets: Buffer[]) => seen('answered', ...packets)
  const query = (sql: string) => sent(bytes(0, 0x03, sql))

  beforeEach(() => {
    state = new WireState()
    answered(GREETING)
    sent(bytes(1, 'login'))
    answered(bytes(2, 0, 0, 0, 2, 0, 0, 0))
    sent(DATABASE)
  })

  it('then it connects until its first database is confirmed, and has an id before', () => {
    expect(state).to.include({ phase: 'connecting', connectionId: 42 + 256 })
    expect(answered(OK)).to.equal('idle')
  })

  it('then the one that is beside the pool is known by its question', () => {
    answered(bytes(1, 0xff, 0, 0))
    expect(query("SHOW GLOBAL STATUS LIKE 'Uptime'")).to.equal('cancelling')
  })

  it('then a hand-over is a reset up to the answer before the last, then a switch', () => {
    answered(OK)
    expect(sent(RESET, bytes(0, 0x03, 'SET NAMES utf8mb4'), DATABASE)).to.equal('resetting')
    expect(answered(OK)).to.equal('resetting')
    expect(answered(OK)).to.equal('switching')
    expect(query('select 1')).to.equal('switching')
  })

  it('then a statement runs until it is answered, and streams until its last row', () => {
    answered(OK)
    expect(query('select 1')).to.equal('running')
    expect(answered(...ROWS.slice(0, 1))).to.equal('streaming')
    expect(answered(...ROWS.slice(1))).to.equal('streaming')
    expect(answered(EOF_MORE)).to.equal('running')
    expect(answered(...ROWS, EOF)).to.equal('idle')
  })

  it('then a row may begin as an end of rows does', () => {
    answered(OK)
    query('select 1')
    const long = bytes(4, 0xfe, 0, 0, 0, 0, 0, 0, 0, 'long')
    expect(answered(...ROWS, long)).to.equal('streaming')
  })

  it('then a transaction shows between its statements, and how it ends', () => {
    answered(OK)
    query('BEGIN')
    expect(answered(OK_IN_TRANSACTION)).to.equal('in transaction')
    expect(query('ROLLBACK TO trx2')).to.equal('running')
    answered(OK_IN_TRANSACTION)
    expect(query('COMMIT;')).to.equal('commit sent')
    answered(OK)
    expect(query('ROLLBACK')).to.equal('rollback sent')
  })

  it('then an error ends a command, also in the middle of rows', () => {
    answered(OK)
    query('select 1')
    expect(answered(...ROWS, bytes(5, 0xff, 0x25, 5))).to.equal('idle')
    sent(RESET, DATABASE)
    expect(answered(OK, bytes(1, 0xff, 0x25, 5))).to.equal('idle')
  })

  it('then a ping validates', () => {
    answered(OK)
    expect(sent(bytes(0, 0x0e))).to.equal('validating')
  })

  it('then a statement is prepared until its definitions have ended', () => {
    answered(OK)
    expect(sent(bytes(0, 0x16, 'select ?'))).to.equal('running')
    const prepared = bytes(1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0)
    expect(answered(prepared, bytes(2, 'p'), EOF, bytes(4, 'c'))).to.equal('running')
    expect(answered(EOF)).to.equal('idle')
    sent(bytes(0, 0x16, 'do 1'))
    expect(answered(bytes(1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))).to.equal('idle')
    expect(sent(bytes(0, 0x19, 1, 0, 0, 0))).to.equal('idle') // closing it is not answered
  })

  it('then the pieces in which they arrive make no difference', () => {
    const finder = new PacketFinder()
    const found = [...Buffer.concat([RESET, bytes(0, 0x03, 'x'.repeat(200))])].flatMap((byte) =>
      finder.find(Buffer.from([byte])),
    )
    expect(found.map(({ packet }) => [packet.length, packet.head.length])).to.deep.equal([
      [1, 1],
      [201, 80],
    ])
  })
})

onEachServer('given a pool behind the proxy', (server) => {
  it('when it does a bit of everything, then each phase shows', () =>
    withProxy(server.url, (proxy) =>
      withTenants(server, { connection: proxy.url, pool: { max: 1 } }, async ({ tenantKnex }) => {
        const phases = new Set<WirePhase>()
        proxy.watch((link) => phases.add(link.phase))
        for (const tenant of ['a', 'b']) {
          await tenantKnex(tenant).transaction(async (trx) => void (await trx('items')))
          const trx = await tenantKnex(tenant).transaction()
          await trx.rollback()
        }
        expect([...phases]).to.have.members([
          ...['connecting', 'resetting', 'switching', 'running', 'streaming'],
          ...['in transaction', 'commit sent', 'rollback sent', 'idle'],
        ])
        const ids = [...proxy.links].map(({ connectionId }) => connectionId)
        expect(ids).to.deep.equal(tenantKnex.connections().map(({ connectionId }) => connectionId))
      }),
    ))
})
