/** How many bytes of bodies are held at a time, as they came and decompressed, over all requests. */
import { SluiceError } from '../../errors.ts'

/** What is beyond the budget is refused, not queued: whoever waits holds a connection and may give up anyway. */
export class BodyBudget {
  private readonly bytesMax: number
  private bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** For one body; to be ended when it is read, or nobody wants it any more. */
  lease(): BodyLease {
    return new BodyLease(this)
  }

  /** For leases. */
  add(bytes: number): void {
    if (this.bytes + bytes > this.bytesMax) {
      throw new SluiceError('overloaded', `${this.bytesMax} bytes of bodies are being read already`)
    }
    this.bytes += bytes
  }
}

export class BodyLease {
  private readonly budget: BodyBudget
  private held = 0

  constructor(budget: BodyBudget) {
    this.budget = budget
  }

  /** @throws SluiceError overloaded */
  take(bytes: number): void {
    this.budget.add(bytes)
    this.held += bytes
  }

  end(): void {
    this.budget.add(-this.held)
    this.held = 0
  }
}
