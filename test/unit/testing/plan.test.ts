import { expect } from 'chai'
import { planStep, type Step } from '../../../src/testing/plan.ts'

const CHOICES = {
  seed: 1,
  tenants: ['a', 'b', 'c'],
  operations: [{ name: 'rare' }, { name: 'often', weight: 9 }],
  faults: [{ name: 'cut', weight: 1 }],
  faultEvery: 10,
}
const COUNT = 10_000

const plan = (choices: typeof CHOICES) =>
  Array.from({ length: COUNT }, (_, index) => readable(planStep(choices, index + 1)))

const readable = ({ random, ...step }: Step<object, object>) => ({ ...step, draws: [random()] })

describe("a storm's plan", () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plan(CHOICES)).to.deep.equal(plan(CHOICES))
    expect(plan({ ...CHOICES, seed: 2 })).not.to.deep.equal(plan(CHOICES))
  })

  it('does not depend on the order in which its steps are asked for', () => {
    const forwards = plan(CHOICES)
    expect(readable(planStep(CHOICES, 7_777))).to.deep.equal(forwards[7_776])
  })

  it('takes every tenant, scope and operation, as often as its weight, and faults now and then', () => {
    const steps = plan(CHOICES)
    const share = (isCounted: (step: (typeof steps)[number]) => boolean) =>
      steps.filter(isCounted).length / COUNT
    expect(share(({ operation }) => operation === CHOICES.operations[1])).to.be.closeTo(0.9, 0.02)
    expect(share(({ fault }) => fault !== undefined)).to.be.closeTo(0.1, 0.02)
    expect(share(({ isAmbient }) => isAmbient)).to.be.closeTo(0.4, 0.02)
    for (const tenant of CHOICES.tenants) {
      expect(share((step) => step.tenant === tenant)).to.be.closeTo(1 / 3, 0.02)
      expect(share((step) => step.otherTenant === tenant)).to.be.closeTo(1 / 3, 0.02)
    }
  })

  it('has another tenant at hand, and never the same', () => {
    for (const { tenant, otherTenant } of plan(CHOICES)) expect(otherTenant).not.to.equal(tenant)
  })

  it('has no fault where there is none', () => {
    const steps = plan({ ...CHOICES, faults: [] })
    expect(steps.every(({ fault }) => fault === undefined)).to.equal(true)
  })
})
