/**
 * A client with a group of its own, which it writes to, one write after the other, and what the group
 * may hold then: what was acknowledged last, and what was asked for since and failed.
 */
import { expect } from '@jest/globals'
import { StoreError } from '../../storage/errors.ts'
import type { GroupStore } from '../../storage/group-store.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { contents, type State } from './contract/reading.ts'
import { family, merge, remove, replace } from './contract/writes.ts'
import type { Random } from './random.ts'

/** The data of the families `m` and `n`. */
type Held = Readonly<Record<string, string>>

const NOTHING: Held = {}

export class Ledger {
  readonly key: string
  acknowledged = 0
  failed = 0
  private possible: Held[] = [NOTHING]
  private value = 0
  private readonly random: Random

  constructor(key: string, random: Random) {
    this.key = key
    this.random = random
  }

  /** Makes one write; what a store cannot take is noted, anything else thrown. */
  async write(store: GroupStore, timeoutMs: number): Promise<void> {
    const value = String(++this.value)
    const kind = this.random.pick(['PUT', 'PUT', 'PUT', 'POST', 'POST', 'POST', 'DELETE'] as const)
    const data = (name: string) => family(name, { data: value })
    const write = {
      PUT: () => replace(this.key, [data('m'), data('n')], { timeoutMs }),
      POST: () => merge(this.key, [data('n')], { timeoutMs }),
      DELETE: () => ({ ...remove(this.key), timeoutMs }),
    }[kind]()
    const after = (held: Held): Held => {
      if (kind === 'DELETE') return NOTHING
      return kind === 'PUT' ? { m: value, n: value } : { ...held, n: value }
    }
    const wanted = distinct(this.possible.map(after))
    try {
      const result = await store.apply(write)
      expect(['applied', 'unchanged']).toContain(result.kind)
      this.possible = wanted
      this.acknowledged++
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (error.code !== 'unavailable' && error.code !== 'unconfirmed') throw error
      this.possible = distinct([...this.possible, ...wanted])
      this.failed++
    }
  }

  /** The group holds what it may hold; from now on that is known. */
  check(state: State): void {
    const held = contents(state.get(this.key) ?? null)
    expect({ key: this.key, held, possible: this.possible }).toEqual({
      key: this.key,
      held,
      possible: expect.arrayContaining([held]) as unknown,
    })
    this.possible = [held]
  }
}

function distinct(all: readonly Held[]): Held[] {
  return [
    ...new Map(all.map((held) => [JSON.stringify(Object.entries(held).sort()), held])).values(),
  ]
}

/** Ledgers that write through stores, each all the time, until told to stop; at the latest after the test. */
export class Load {
  readonly ledgers: readonly Ledger[]
  private going = true
  private readonly running: Promise<unknown>

  constructor(stores: readonly GroupStore[], ledgers: readonly Ledger[], timeoutMs: number) {
    this.ledgers = ledgers
    this.running = Promise.all(
      ledgers.map(async (ledger, i) => {
        while (this.going) {
          await ledger.write(stores[i % stores.length]!, timeoutMs)
          // A store that fails at once must not keep everything else from happening.
          await new Promise((resolve) => setImmediate(resolve))
        }
      }),
    )
    // Looked at when it is stopped.
    this.running.catch(() => undefined)
    closeAfterTest(() => this.stop())
  }

  get acknowledged(): number {
    return this.ledgers.reduce((sum, ledger) => sum + ledger.acknowledged, 0)
  }

  get failed(): number {
    return this.ledgers.reduce((sum, ledger) => sum + ledger.failed, 0)
  }

  async stop(): Promise<void> {
    this.going = false
    await this.running
  }
}
