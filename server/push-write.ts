/**
 * A push as the store gets it. What only some pushes are asked for (names, what a person reads, the families one by
 * one) is made when it is; nearly all bring nothing but new values, and are not.
 */
import type { FamilyWrite, Guard, PackedWrite } from '../storage/group-store.ts'
import { renderLabels } from './exposition/text/render.ts'
import type { PreparedPush } from './groups/prepare.ts'
import { nameSetOf } from './groups/rules.ts'

/** PUT replaces a group, POST replaces families in it. */
export type PushKind = 'replace' | 'merge'

export interface PushWriteOptions {
  readonly guard: Guard
  readonly nonce: string
  readonly timeoutMs: number
  readonly knownInconsistent: boolean
  readonly rules: 'enforce' | 'mark'
}

/** Its getters are lost on a copy by spreading. The options are not spread either: that takes slow paths of V8. */
export class PushWrite {
  readonly kind: PushKind
  readonly key: Buffer
  readonly guard: Guard
  readonly nonce: string
  readonly timeoutMs: number
  readonly packed: PackedWrite | undefined
  readonly knownInconsistent: boolean
  readonly rules: 'enforce' | 'mark'
  private readonly push: PreparedPush

  constructor(kind: PushKind, push: PreparedPush, options: PushWriteOptions) {
    this.kind = kind
    this.key = push.grouping.key
    this.guard = options.guard
    this.nonce = options.nonce
    this.timeoutMs = options.timeoutMs
    this.packed = push.packed
    this.knownInconsistent = options.knownInconsistent
    this.rules = options.rules
    this.push = push
  }

  get partition(): string {
    return this.push.grouping.job
  }

  get nameSet(): string {
    return nameSetOf(this.push.grouping.labels)
  }

  get description(): string {
    return renderLabels(this.push.grouping.labels)
  }

  get families(): readonly FamilyWrite[] {
    return this.push.families
  }
}
