/** What the script `changes` replies when it gives a page. */
import { decodeGroup, type DecodedGroup } from './group-fields.ts'
import type { Reply } from './connection.ts'

export interface PageReply {
  readonly storeTimeUs: number
  readonly epoch: string
  readonly head: number
  /** Of the head, in hex. */
  readonly nonce: string
  readonly upto: number
  readonly complete: boolean
  /** Null: the group is gone. */
  readonly items: readonly { readonly key: Buffer; readonly decoded: DecodedGroup | null }[]
}

/** @throws StoreError corrupt, for a group that cannot be read */
export function readPage(reply: Reply): PageReply {
  const [, storeTimeUs, epoch, head, nonce, upto, complete, ...rest] = reply as unknown as [
    Buffer,
    number,
    Buffer,
    number,
    Buffer,
    number,
    number,
    ...(Buffer | Buffer[])[],
  ]
  const items: { key: Buffer; decoded: DecodedGroup | null }[] = []
  for (let i = 0; i < rest.length; i += 2) {
    const key = rest[i] as Buffer
    items.push({ key, decoded: decodeGroup(key, rest[i + 1] as Buffer[]) })
  }
  return {
    storeTimeUs,
    epoch: String(epoch),
    head,
    nonce: nonce.toString('hex'),
    upto,
    complete: complete === 1,
    items,
  }
}
