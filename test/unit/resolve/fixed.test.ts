import { expect } from 'chai'
import { environmentTenant, fixed } from '../../../src/resolve/index.ts'
import { codeOf, outcome } from '../../server/resolve/support/requests.ts'
import { thrown } from '../../support/tenants.ts'

describe('fixed', () => {
  it('names the given tenant', () => {
    expect(outcome(fixed('acme'), {})).to.equal('acme')
  })

  it('names the tenant of the environment, as it is when the resolver is made', () =>
    withTenant('acme', () => {
      const resolve = fixed()
      process.env.TENANT = 'globex'
      expect(outcome(resolve, {})).to.equal('acme')
      expect(environmentTenant()).to.equal('globex')
    }))

  for (const value of [undefined, '']) {
    it(`says so where that is ${JSON.stringify(value)}`, () =>
      withTenant(value, () => {
        for (const fn of [fixed, environmentTenant]) {
          const error = thrown(() => fn())
          expect(error).to.include({ code: 'ERR_OPTION_INVALID' })
          expect(error.message).to.include('environment variable TENANT is not set')
        }
      }))
  }

  it('does not take an id that cannot be one', () =>
    withTenant('acme', () => {
      for (const id of [undefined, null, '', 42, 'a\0b', 'a'.repeat(129)]) {
        expect(codeOf(() => fixed(id as string))).to.equal('ERR_TENANT_ID_INVALID')
      }
      process.env.TENANT = 'a\nb'
      expect(codeOf(environmentTenant)).to.equal('ERR_TENANT_ID_INVALID')
      expect(codeOf(() => fixed())).to.equal('ERR_TENANT_ID_INVALID')
    }))
})

function withTenant(value: string | undefined, test: () => void): void {
  const before = process.env.TENANT
  setTenant(value)
  try {
    test()
  } finally {
    setTenant(before)
  }
}

function setTenant(value: string | undefined): void {
  if (value === undefined) delete process.env.TENANT
  else process.env.TENANT = value
}
