/**
 * `npm run fuzz`: throws mutated inputs at everything that reads what others send.
 *
 *     npm run fuzz -- [--seconds 600] [--seed 1] [--target text]...
 *     npm run fuzz -- --target text --input BASE64
 *
 * The seconds are for each target. It ends with a line for each; exit status 1 says that something was found, and
 * the inputs that show it stand above as base64.
 */
import { parseArgs } from 'node:util'
import { fuzz, problemOf, type FuzzResult } from './fuzz.ts'
import { TARGETS } from './targets.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    target: { type: 'string', multiple: true, default: Object.keys(TARGETS) },
    input: { type: 'string' },
  },
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function replay(name: string, base64: string): Promise<boolean> {
  const target = await TARGETS[name]!()
  const problem = await problemOf(target, Buffer.from(base64, 'base64'))
  say(problem ?? 'nothing is wrong with it')
  await target.close?.()
  return problem === undefined
}

async function run(name: string): Promise<{ line: string; isFine: boolean }> {
  const target = await TARGETS[name]!()
  const result = await fuzz(target, {
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    minimises: true,
  })
  await target.close?.()
  for (const { input, problem } of result.findings) {
    say(`${name}: ${problem}\n${name}: the input is ${input.toString('base64')}`)
  }
  return { line: summary(name, result), isFine: result.findings.length === 0 }
}

function summary(name: string, result: FuzzResult): string {
  const { executions, accepted, refused, slowestMs, memoryGrowth, findings } = result
  const growth = `memory ${memoryGrowth < 0 ? '' : '+'}${(memoryGrowth / 2 ** 20).toFixed(1)} MiB`
  return `${name.padEnd(14)} ${executions} executions, ${accepted} accepted, ${refused} refused, slowest ${slowestMs.toFixed(0)} ms, ${growth}, ${findings.length} findings`
}

const unknown = values.target.find((name) => !Object.hasOwn(TARGETS, name))
if (unknown !== undefined) {
  say(`there is no target ${unknown}, only ${Object.keys(TARGETS).join(', ')}`)
  process.exitCode = 2
} else if (values.input !== undefined) {
  process.exitCode = (await replay(values.target[0]!, values.input)) ? 0 : 1
} else {
  say(`seed ${values.seed}, ${values.seconds} seconds for each target`)
  const lines: string[] = []
  for (const name of values.target) {
    const { line, isFine } = await run(name)
    lines.push(line)
    say(line)
    if (!isFine) process.exitCode = 1
  }
  if (lines.length > 1) say(`\n${lines.join('\n')}`)
}
