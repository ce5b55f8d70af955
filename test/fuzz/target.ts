/** What is fuzzed: something that takes any bytes, and says yes or no to them. */
import { SluiceError } from '../../server/errors.ts'

/** What came of one input. What is said of it tells inputs that do something new from others. */
export interface Outcome {
  readonly kind: 'accepted' | 'refused'
  readonly said: string
}

export interface Target {
  readonly name: string
  /** Inputs to begin with. The first byte of each is for options where `run` says so. */
  readonly seeds: readonly Buffer[]
  /** What the format gives a meaning. */
  readonly tokens: readonly Buffer[]
  /** How many executions take about a second. */
  readonly executionsASecond: number
  /** Throws whatever must not happen. */
  run(input: Buffer): Outcome | Promise<Outcome>
  close?(): Promise<void>
}

export const ACCEPTED: Outcome = { kind: 'accepted', said: '' }

export function refused(said: string): Outcome {
  return { kind: 'refused', said }
}

/** Something that should always hold, and did not. */
export class Finding extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Finding'
  }
}

/** The outcome of what refuses inputs by errors that `isExpected`; others are findings. */
export function outcomeOf(run: () => void, isExpected: (error: unknown) => boolean): Outcome {
  try {
    run()
    return ACCEPTED
  } catch (error) {
    if (!isExpected(error)) throw error
    return refused(String(error))
  }
}

export function isSluiceError(error: unknown): boolean {
  return error instanceof SluiceError
}

/** An Error of no special class, which says what is wrong rather than where the program broke. */
export function isPlainError(error: unknown): boolean {
  return error instanceof Error && error.constructor === Error
}

/** The options in the first byte of an input, one bit each, and what is behind it. */
export function withOptions(input: Buffer): { bit: (n: number) => boolean; rest: Buffer } {
  const options = input[0] ?? 0
  return { bit: (n) => ((options >> n) & 1) === 1, rest: input.subarray(1) }
}

/** An input for each of these bytes of options. */
export function optionsBefore(options: readonly number[], inputs: readonly Buffer[]): Buffer[] {
  return inputs.flatMap((input) =>
    options.map((option) => Buffer.concat([Buffer.from([option]), input])),
  )
}
