/** Runs one target for a time or a number of executions, and collects what must not happen. */
import { setImmediate } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import { generator, type Random } from '../storage/random.ts'
import { minimise } from './minimise.ts'
import { mutate } from './mutate.ts'
import type { Target } from './target.ts'

export interface FuzzOptions {
  readonly seed: number
  /** The end of a run, whichever comes first. */
  readonly seconds?: number
  readonly executions?: number
  /** Whether to make the inputs of findings smaller, which may take seconds. */
  readonly minimises: boolean
}

export interface FoundInput {
  readonly input: Buffer
  readonly problem: string
}

export interface FuzzResult {
  readonly executions: number
  readonly accepted: number
  readonly refused: number
  readonly slowestMs: number
  /** By how much heap and buffers grew in the second half, after garbage was collected. */
  readonly memoryGrowth: number
  readonly findings: readonly FoundInput[]
}

const EXECUTION_MS_MAX = 1000
const MEMORY_GROWTH_MAX = 24 * 2 ** 20
const POOL_MAX = 2000
const POOL_INPUT_BYTES_MAX = 16 * 1024
const FINDINGS_MAX = 5
/** So many executions pass before signals and timers get a turn. */
const EXECUTIONS_A_TURN = 256

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, seconds = Infinity, executions: executionsMax = Infinity } = options
  const pool = new Pool(target, generator(seed))
  const findings = new Map<string, FoundInput>()
  const counts = { accepted: 0, refused: 0 }
  let executions = 0
  let slowestMs = 0
  const startedAt = performance.now()
  const progress = (): number =>
    Math.max((performance.now() - startedAt) / 1000 / seconds, executions / executionsMax)
  let memoryAtHalf: number | undefined
  while (progress() < 1 && findings.size < FINDINGS_MAX) {
    const input = pool.next(executions)
    const executed = await execute(target, input)
    executions++
    slowestMs = Math.max(slowestMs, executed.ms)
    if (executed.kind === 'finding') {
      if (!findings.has(executed.signature)) {
        const isSame = sameFinding(target, executed)
        const small = options.minimises ? await minimise(input, isSame) : input
        findings.set(executed.signature, { input: small, problem: executed.problem })
      }
    } else {
      counts[executed.kind]++
      // What is kept in the second half would look like a leak.
      if (memoryAtHalf === undefined) pool.keepIfNew(input, executed.kind, executed.signature)
    }
    if (executions % EXECUTIONS_A_TURN === 0) await setImmediate()
    if (memoryAtHalf === undefined && progress() >= 0.5) memoryAtHalf = memoryInUse()
  }
  const memoryGrowth = memoryAtHalf === undefined ? 0 : memoryInUse() - memoryAtHalf
  if (memoryGrowth > MEMORY_GROWTH_MAX) {
    const problem = `memory grew by ${memoryGrowth} bytes in the second half of the run`
    findings.set('memory', { input: Buffer.alloc(0), problem })
  }
  return { executions, ...counts, slowestMs, memoryGrowth, findings: [...findings.values()] }
}

/** Runs a single input; undefined where nothing is wrong with it. */
export async function problemOf(target: Target, input: Buffer): Promise<string | undefined> {
  const executed = await execute(target, input)
  return executed.kind === 'finding' ? executed.problem : undefined
}

interface Executed {
  readonly kind: 'accepted' | 'refused' | 'finding'
  /** Equal for what is the same but for the names and numbers in it. */
  readonly signature: string
  readonly problem: string
  readonly ms: number
}

async function execute(target: Target, input: Buffer): Promise<Executed> {
  const first = await executeOnce(target, input)
  if (first.kind === 'finding' || first.ms <= EXECUTION_MS_MAX) return first
  // Another process may have had the machine: what is slow is slow again.
  const second = await executeOnce(target, input)
  if (second.ms <= EXECUTION_MS_MAX) return second
  const problem = `it took ${Math.round(second.ms)} ms`
  return { kind: 'finding', signature: 'slow', problem, ms: second.ms }
}

async function executeOnce(target: Target, input: Buffer): Promise<Executed> {
  const startedAt = performance.now()
  try {
    const outcome = await target.run(input)
    const ms = performance.now() - startedAt
    return { kind: outcome.kind, signature: signatureOf(outcome.said), problem: '', ms }
  } catch (error) {
    const ms = performance.now() - startedAt
    const problem = error instanceof Error ? (error.stack ?? String(error)) : String(error)
    return { kind: 'finding', signature: signatureOf(String(error)), problem, ms }
  }
}

function signatureOf(message: string): string {
  return message
    .slice(0, 2000)
    .replace(/"(?:[^"\\]|\\.)*"?|-?\d[\d.e+]*/g, '_')
    .slice(0, 200)
}

function sameFinding(target: Target, { signature }: Executed): (input: Buffer) => Promise<boolean> {
  return async (input) => {
    const executed = await execute(target, input)
    return executed.kind === 'finding' && executed.signature === signature
  }
}

/** The seeds, and what was accepted or refused in a new way. */
class Pool {
  private readonly target: Target
  private readonly random: Random
  /** Seeds among them, whatever came of those. */
  private readonly accepted: Buffer[]
  private readonly refused: Buffer[] = []
  private readonly signatures = new Map<string, number>()

  constructor(target: Target, random: Random) {
    this.target = target
    this.random = random
    this.accepted = [...target.seeds]
  }

  /** The seeds as they are come first. */
  next(execution: number): Buffer {
    const { random, target } = this
    if (execution < target.seeds.length) return target.seeds[execution]!
    const any = (): Buffer => {
      // What was accepted is nearer to what nobody thought of.
      const fromRefused = this.refused.length > 0 && random.chance(0.25)
      return random.pick(fromRefused ? this.refused : this.accepted)
    }
    return mutate(any(), random, { tokens: target.tokens, other: any })
  }

  keepIfNew(input: Buffer, kind: 'accepted' | 'refused', signature: string): void {
    const inputs = this[kind]
    if (inputs.length >= POOL_MAX || input.length > POOL_INPUT_BYTES_MAX) return
    const seen = this.signatures.get(kind + signature) ?? 0
    this.signatures.set(kind + signature, seen + 1)
    // Of one kind the first, the third, the seventh, ... are kept.
    if ((seen & (seen + 1)) === 0) inputs.push(Buffer.from(input))
  }
}

let collectGarbage: (() => void) | undefined

function memoryInUse(): number {
  if (collectGarbage === undefined) {
    v8.setFlagsFromString('--expose-gc')
    collectGarbage = vm.runInNewContext('gc') as () => void
  }
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
