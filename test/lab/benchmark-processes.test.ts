import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'chai'
import { partsTable, timesTable } from '../../benchmarks/report/profile.ts'
import { optionsIn } from '../../benchmarks/support/given-options.ts'
import { type Profile, profileOf } from '../../benchmarks/support/profile.ts'

/** Gives a contender a turn that lasts longer than the test may. Nothing listens at its server's port. */
const PARENT = `
  import { startAnswerer } from './benchmarks/support/calls.ts'
  const { call } = startAnswerer('./contender-process.ts', ['--brief'])
  const connection = { host: '127.0.0.1', port: 1, user: 'nobody', password: '' }
  const setting = { connection, poolMax: 1, databases: ['bench_0'] }
  const name = await call('open', { entry: { key: 'plain' }, setting })
  const traffic = { tenants: 1, popularity: 'uniform', queriesPerRequest: 1 }
  call('turn', { traffic, concurrency: 1, seed: 1, millis: 45_000 })
  console.log(name)
`

describe('given a process with one contender', () => {
  it('when its parent is killed, then it ends', async () => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', PARENT]
    const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = await once(parent.stdout, 'data')
    expect(String(said)).to.include('plain Knex')
    // The contender's process shares this output, so it closes when both have ended.
    const closed = once(parent.stdout, 'close')
    parent.kill('SIGKILL')
    await closed
  }).timeout(30_000)
})

describe('given options of the library in the command of a benchmark', () => {
  it('when there are several, then each is a contender of its own', () => {
    const args = ['goals', '--options', '{}', '--brief', '--options={"clean":"always"}']
    expect(optionsIn(args)).to.deep.equal([{}, { clean: 'always' }])
    expect(optionsIn(['goals', '--brief'])).to.deep.equal([])
  })

  for (const wrong of ['clean', '7', 'null', '']) {
    it(`when they are ${wrong || 'missing'}, then the message names an example`, () => {
      expect(() => optionsIn(['--options', wrong])).to.throw(/needs an object in JSON, such as '{/)
    })
  }
})

describe('given the profile of a process', () => {
  it('when a load allocates, then the bytes include what was collected meanwhile', async () => {
    const { heap, heapOperations } = await profileOf(async () => allocate(2_000))
    const bytes = partsTable({ cpu: NO_CALLS, cpuOperations: 1, heap, heapOperations }).at(-1)
    const each = Number(bytes?.[2]?.replaceAll(',', ''))
    expect(each).to.be.within(6_000, 16_000)
  })

  it('when functions of the engine take time, then it is that of the part that calls them', () => {
    const table = partsTable(calledProfile())
    expect(Object.fromEntries(table.map(([part = '', micros]) => [part, micros]))).to.include({
      'socket write': '5',
      knex: '7',
      'tenant-knex': '2',
      all: '14',
    })
  })

  it('when functions are listed, then by their own time, without waiting', () => {
    const functions = timesTable(calledProfile()).slice(1)
    expect(functions).to.deep.equal([
      ['socket write', 'writev', '5'],
      ['knex', 'replace', '4'],
      ['knex', 'toSQL node_modules/knex/lib/compiler.js:11', '3'],
      ['tenant-knex', 'acquire dist/esm/pool.js:21', '2'],
    ])
  })
})

const frame = (functionName: string, url = '', scriptId = '0', lineNumber = 0) => ({
  callFrame: { functionName, url, scriptId, lineNumber, columnNumber: 0 },
})

const NO_CALLS: Profile['cpu'] = {
  nodes: [{ id: 1, ...frame('(root)') }],
  startTime: 0,
  endTime: 0,
}

/** Two statements: the time of a sample goes on until the next one. */
function calledProfile(): Profile {
  return {
    cpu: {
      nodes: [
        { id: 1, ...frame('(root)'), children: [2, 3, 4] },
        { id: 2, ...frame('(idle)') },
        {
          id: 3,
          ...frame('toSQL', 'file:///a/src/b/node_modules/knex/lib/compiler.js', '7', 10),
          children: [5],
        },
        { id: 4, ...frame('acquire', 'file:///a/dist/esm/pool.js', '8', 20), children: [6] },
        { id: 5, ...frame('replace') },
        { id: 6, ...frame('writev') },
      ],
      startTime: 0,
      endTime: 1_028,
      samples: [2, 3, 5, 4, 6],
      timeDeltas: [0, 1_000, 6, 8, 4, 10],
    },
    cpuOperations: 2,
    heap: { head: { ...frame('(root)'), selfSize: 0, children: [] } },
    heapOperations: 2,
  }
}

/** Makes garbage of about 8,000 bytes for each operation. */
async function allocate(operations: number) {
  let length = 0
  for (let each = 0; each < operations; each++) length += new Array(1_000).fill(each).length
  const seen = { seconds: 1, latencies: [], wrongRows: 0, errors: 0, firstError: undefined }
  return { ...seen, operations: length / 1_000 }
}
