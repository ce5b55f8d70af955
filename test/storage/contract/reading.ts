/** What the contract suite reads out of stores, in forms that are easy to compare. */
import { expect } from '@jest/globals'
import {
  ORIGIN,
  type ApplyResult,
  type ChangePage,
  type ChangesRequest,
  type Cursor,
  type GroupStore,
  type GroupWrite,
  type Revision,
  type StoredGroup,
} from '../../../storage/group-store.ts'
import { keyOf } from './writes.ts'

/** Applies a write that must pass. */
export async function applied(store: GroupStore, write: GroupWrite): Promise<Revision> {
  const result = await store.apply(write)
  expect(result).toMatchObject({ kind: 'applied' })
  return (result as Extract<ApplyResult, { kind: 'applied' }>).revision
}

/** Applies a write and gives the kind of the result only. */
export async function outcome(store: GroupStore, write: GroupWrite): Promise<ApplyResult['kind']> {
  return (await store.apply(write)).kind
}

export async function readOne(store: GroupStore, key: string | Buffer): Promise<StoredGroup> {
  const [group] = await store.read([keyOf(key)])
  if (group === null || group === undefined) throw new Error(`no group ${keyOf(key).toString()}`)
  return group
}

export async function exists(store: GroupStore, key: string | Buffer): Promise<boolean> {
  return (await store.read([keyOf(key)]))[0] !== null
}

/** A group without its second form, which says nothing that the first does not. */
export function withoutPacked({ packed: _, ...group }: StoredGroup): StoredGroup {
  return group
}

/** Family names with their bytes as text. */
export function contents(group: StoredGroup | null): Record<string, string> {
  return Object.fromEntries((group?.families ?? []).map(({ name, data }) => [name, String(data)]))
}

export async function headOf(store: GroupStore): Promise<Cursor> {
  return (await store.status()).head
}

const EVERYTHING = Number.MAX_SAFE_INTEGER

/** A request for all changes after a head. */
export function since(position: Cursor, options: Partial<ChangesRequest> = {}): ChangesRequest {
  return {
    position,
    after: position.revision,
    full: position.revision === 0,
    bytesMax: EVERYTHING,
    ...options,
  }
}

/** Changes that must not be a reset. */
export async function page(store: GroupStore, request: ChangesRequest): Promise<ChangePage> {
  const answer = await store.changes(request)
  if (answer.kind === 'reset') throw new Error(`reset: ${answer.reason}`)
  return answer
}

/** Keys of a page, `-` before those that are gone. */
export function keysOf({ items }: ChangePage): string[] {
  return items.map(({ key, group }) => `${group === null ? '-' : ''}${key.toString()}`)
}

/** Groups by key (latin1). */
export type State = Map<string, StoredGroup>

export async function readAll(store: GroupStore): Promise<State> {
  const state: State = new Map()
  take(state, await page(store, since(ORIGIN)))
  return state
}

/**
 * A reader as the contract describes one, written from its words: pages until one is complete,
 * with the head of the first page as position from the second on.
 */
export class Reader {
  readonly state: State = new Map()
  cursor: Cursor = ORIGIN
  pages = 0
  resets: string[] = []
  private readonly store: GroupStore

  constructor(store: GroupStore) {
    this.store = store
  }

  /** @param between called after each page that is not the last */
  async follow(bytesMax: number, between: () => Promise<void> = async () => {}): Promise<void> {
    const collected: ChangePage[] = []
    let full = this.cursor.revision === 0
    let position = this.cursor
    let after = position.revision
    for (;;) {
      const answer = await this.store.changes({ position, after, full, bytesMax })
      this.pages++
      if (answer.kind === 'reset') {
        this.resets.push(answer.reason)
        if (this.resets.length > 10) throw new Error(`reset again and again: ${answer.reason}`)
        collected.length = 0
        full = true
        position = ORIGIN
        after = 0
        continue
      }
      collected.push(answer)
      if (answer.complete) break
      if (collected.length === 1) position = answer.head
      expect(answer.items.length).toBeGreaterThan(0)
      expect(answer.upto).toBeGreaterThan(after)
      after = answer.upto
      await between()
    }
    if (full) this.state.clear()
    for (const part of collected) take(this.state, part)
    this.cursor = collected.at(-1)!.head
  }
}

function take(state: State, { items }: ChangePage): void {
  for (const { key, group } of items) {
    const id = key.toString('latin1')
    if (group === null) state.delete(id)
    else state.set(id, group)
  }
}
