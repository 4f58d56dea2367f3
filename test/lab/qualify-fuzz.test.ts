import { expect } from 'chai'
import { fuzz } from '../../lab/qualify-fuzz/run.ts'
import { testServers } from '../support/tenants.ts'

describe('given random expressions of Knex’s query builder', () => {
  for (const server of testServers()) {
    it(`when their texts are sent from another tenant’s database, then they mean the same, on ${server.name}`, async () => {
      const report = await fuzz({ server, seed: 1, expressions: 200 })
      expect(report.wrong).to.deep.equal([])
      expect(report.marks).to.equal(0)
      const { sent, selfContained } = report.statements
      expect(selfContained / sent).to.be.greaterThan(0.6)
      expect(report.mutations.run).to.be.greaterThan(5)
    }).timeout(60_000)
  }
})
