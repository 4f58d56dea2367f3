import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import mysql from 'mysql2/promise'
import { EXAMPLES } from '../../../examples/run/examples.ts'
import { ExampleProcess } from './support/example-process.ts'
import { databaseUrl, namesWith } from './support/left-behind.ts'

const FOLDER = new URL('../../../examples/', import.meta.url)

describe('npm run example', () => {
  it('lists the examples where it is asked for none, and for one that there is not', async () => {
    const [help, unknown] = await Promise.all([
      ExampleProcess.begin(['--help']),
      ExampleProcess.begin(['rails']),
    ])
    expect(await help.end()).to.equal(0)
    expect(await unknown.end()).to.equal(2)
    expect(unknown.output).to.include('There is no example "rails".')
    for (const [name, { shows }] of EXAMPLES) {
      for (const { output } of [help, unknown]) {
        expect(output.replaceAll(/ +/g, ' ')).to.include(`\n ${name} ${shows}\n`)
      }
    }
  })

  it('touches no database that exists already', async () => {
    const prefix = `tk_example_${process.pid}_`
    const connection = await mysql.createConnection({ uri: databaseUrl() })
    try {
      await connection.query('CREATE DATABASE ??', [`${prefix}globex`])
      const example = await ExampleProcess.begin(['script'], prefix)
      expect(await example.end()).to.equal(1)
      expect(example.output).to.include(`The database ${prefix}globex exists already`)
      expect(await namesWith(prefix)).to.deep.equal([`${prefix}globex`])
    } finally {
      await connection.query('DROP DATABASE IF EXISTS ??', [`${prefix}globex`])
      await connection.end()
    }
  })

  it('is told of in examples/README.md, example by example', () => {
    const page = readFileSync(new URL('README.md', FOLDER), 'utf8')
    const rows = [...page.matchAll(/^\| `npm run example -- (\S+)` \| (.*) \|$/gm)]
    expect(rows.map(([, name, shows]) => [name, shows])).to.deep.equal(
      [...EXAMPLES].map(([name, { shows }]) => [name, shows]),
    )
    for (const name of EXAMPLES.keys()) expect(existsSync(new URL(name, FOLDER))).to.equal(true)
  })
})
