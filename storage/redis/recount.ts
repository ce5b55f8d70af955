/** Compares the books of a store (claims, name-sets, totals) with what its groups say. */
import { bookDifferences, bookId, claimDeltas } from '../claim-book.ts'
import { StoreError } from '../errors.ts'
import { countSamples } from '../merge-families.ts'
import type { Reply } from './connection.ts'
import { readPage } from './page-reply.ts'

export interface RecountOptions {
  readonly books: () => Promise<Reply>
  /** A page of `changes`, from the start. */
  readonly page: (after: number, bytesMax: number) => Promise<Reply>
}

/** Books and groups are read in several steps; a store that changes meanwhile is read again. */
const ATTEMPTS = 10
const PAGE_BYTES = 1024 * 1024

/**
 * One sentence for each difference.
 *
 * @throws StoreError unavailable when the store changes all the time
 */
export async function recount(options: RecountOptions): Promise<string[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await readBooks(options)
    const expected = await countGroups(options)
    const after = await readBooks(options)
    if (before.head === after.head && expected.head === after.head) {
      return bookDifferences(after.counts, expected.counts)
    }
  }
  throw new StoreError('unavailable', 'the store kept changing while it was being verified')
}

interface Counts {
  readonly head: number
  readonly counts: ReadonlyMap<string, number>
}

async function readBooks({ books }: RecountOptions): Promise<Counts> {
  const reply = await books()
  const [, , , head, groups, samples, claims, partitions] = reply as unknown as [
    Buffer,
    number,
    Buffer,
    number,
    number,
    number,
    Buffer[],
    Buffer[],
  ]
  const counts = new Map<string, number>([
    ['groups', groups],
    ['samples', samples],
  ])
  for (const [kind, list] of [
    ['claim', claims],
    ['name-set', partitions],
  ] as const) {
    for (let i = 0; i < list.length; i += 2) {
      for (const [what, count] of readCounted(list[i + 1]!)) {
        counts.set(bookId(kind, String(list[i]), what), count)
      }
    }
  }
  return { head, counts }
}

/** `count length text`, one behind the other, as the scripts write it. */
function* readCounted(text: Buffer): Generator<[what: string, count: number]> {
  for (let at = 0; at < text.length;) {
    const afterCount = text.indexOf(' ', at)
    const afterLength = text.indexOf(' ', afterCount + 1)
    const count = Number(text.toString('latin1', at, afterCount))
    const length = Number(text.toString('latin1', afterCount + 1, afterLength))
    at = afterLength + 1 + length
    yield [text.toString('utf8', afterLength + 1, at), count]
  }
}

async function countGroups({ page }: RecountOptions): Promise<Counts> {
  const counts = new Map<string, number>()
  const add = (id: string, count: number): void =>
    void counts.set(id, (counts.get(id) ?? 0) + count)
  let head = 0
  for (let after = 0, complete = false; !complete;) {
    const read = readPage(await page(after, PAGE_BYTES))
    // What moves between two pages moves the head too.
    if (after > 0 && read.head !== head) return { head: -1, counts }
    ;({ head, upto: after, complete } = read)
    for (const { decoded } of read.items) {
      if (decoded === null) continue
      const { group, partition, nameSet } = decoded
      add('groups', 1)
      add('samples', countSamples(group.families))
      add(bookId('name-set', partition, nameSet), 1)
      for (const { claim, delta } of claimDeltas(group.families, [])) {
        add(bookId('claim', ...claim), delta)
      }
    }
  }
  return { head, counts }
}
