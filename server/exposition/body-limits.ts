/** How much a body may hold, counted while it is read: bytes alone say little of what they become in memory. */
import { SluiceError } from '../errors.ts'

/** What a sample may bring along on average: labels, exemplars, spans, messages. */
const PARTS_PER_SAMPLE = 16
/** However few samples are allowed. */
const PARTS_MIN = 10_000
/** A family is a part of this weight. */
export const PARTS_PER_FAMILY = 4

export class BodyLimits {
  private readonly samplesMax: number
  private readonly partsMax: number
  private samples = 0
  private parts = 0

  /** @param samplesMax --push.max-samples; by default there is no limit */
  constructor(samplesMax = Infinity) {
    this.samplesMax = samplesMax
    this.partsMax = Math.max(PARTS_MIN, PARTS_PER_SAMPLE * samplesMax)
  }

  /** @throws SluiceError body_too_large */
  takeSamples(count: number): void {
    this.samples += count
    this.checkSamples(0)
  }

  /**
   * For samples that are only seen yet, and taken later.
   *
   * @throws SluiceError body_too_large
   */
  checkSamples(more: number): void {
    if (this.samples + more > this.samplesMax) {
      throw tooLarge(`more than ${this.samplesMax} samples (--push.max-samples)`)
    }
  }

  /** @throws SluiceError body_too_large */
  takeParts(count: number): void {
    this.parts += count
    if (this.parts > this.partsMax) {
      throw tooLarge(
        `more than ${this.partsMax} labels, families and the like (--push.max-samples allows ${PARTS_PER_SAMPLE} for each sample)`,
      )
    }
  }
}

function tooLarge(what: string): SluiceError {
  return new SluiceError('body_too_large', `the body holds ${what}`)
}
