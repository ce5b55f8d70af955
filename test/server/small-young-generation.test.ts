import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

/** In a process of its own: the room of this one has grown already. */
async function run(script: string): Promise<unknown> {
  const file = new URL('../../server/small-young-generation.ts', import.meta.url).href
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    '--import=tsx',
    '--input-type=module',
    '--eval',
    `import v8 from 'node:v8'
     const { inSmallYoungGeneration } = await import(${JSON.stringify(file)})
     const room = () => v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size
     const kept = []
     const keep = () => { for (let i = 0; i < 500_000; i++) kept.push({ i }) }
     const shown = []
     const show = () => shown.push(room())
     ${script}
     console.log(JSON.stringify(shown))`,
  ])
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

test('the room for new objects stays as it is while work is done, and grows afterwards', async () => {
  const [before, during, after] = (await run(`
    show()
    await inSmallYoungGeneration(async () => { keep(); show() })
    keep()
    show()`)) as [number, number, number]
  expect(during).toBeLessThanOrEqual(before)
  expect(after).toBeGreaterThan(before)
})

test('it grows again after work that failed, too; the failure is passed on', async () => {
  const [before, after] = (await run(`
    show()
    const work = async () => { throw new Error('failed') }
    const failure = await inSmallYoungGeneration(work).catch((error) => error)
    if (failure.message !== 'failed') throw failure
    keep()
    show()`)) as [number, number]
  expect(after).toBeGreaterThan(before)
})
