/** A row of a group as the contract has it. */
import type { Revision, StoredGroup } from '../group-store.ts'
import { packedGroup } from '../packed-families.ts'
import type { LayoutTable } from './layout-table.ts'
import { readRow } from './packed-row.ts'

/** What a row says of its group besides the key and the text; a `SELECT` of STATE. */
export type GroupState = [
  revision: Revision,
  live: number,
  shapeRevision: Revision,
  createdTimeUs: number,
  pushTimeUs: number,
  failureTimeUs: number,
  inconsistent: number,
  layout: string,
  lengths: string,
  pushedBeforeUs: string,
]

export const STATE =
  'groups.revision, live, shape_revision, created_time_us, push_time_us, failure_time_us, inconsistent, layout, lengths, pushed_before_us'

/**
 * The group of a row. Its families are made when they are asked for.
 *
 * @throws DamagedRow when the parts of the row do not fit each other
 */
export function groupOfRow(
  key: Buffer,
  state: GroupState | [...GroupState, ...unknown[]],
  exposition: Buffer,
  layouts: LayoutTable,
): StoredGroup {
  const [revision, , shapeRevision, createdTimeUs, pushTimeUs, failureTimeUs, marked] = state
  const [, , , , , , , layout, lengths, pushedBeforeUs] = state
  const packed = readRow({ lengths, pushedBeforeUs, exposition }, layouts.get(layout), pushTimeUs)
  const times = { createdTimeUs, pushTimeUs, failureTimeUs }
  return packedGroup(key, { revision, shapeRevision, ...times, inconsistent: marked === 1 }, packed)
}
