/** The short form of `npm run fuzz`: always the same inputs. */
import { expect, test } from '@jest/globals'
import { closeAfterTest } from '../support/cleanup.ts'
import { fuzz } from './fuzz.ts'
import { TARGETS } from './targets.ts'

test.each(Object.entries(TARGETS))(
  'nothing that must not happen happens to a second of mutated inputs: %s',
  async (_, open) => {
    const target = await open()
    if (target.close !== undefined) closeAfterTest(() => target.close!())
    const executions = target.executionsASecond
    const result = await fuzz(target, { seed: 1, executions, minimises: false })
    const problems = result.findings.map(
      ({ input, problem }) => `${problem}\n${input.toString('base64')}`,
    )
    expect(problems).toEqual([])
    expect(result.executions).toBe(executions)
    expect(result.accepted).toBeGreaterThan(0)
    expect(result.refused).toBeGreaterThan(0)
  },
)
