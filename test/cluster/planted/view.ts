/** A view with the mistake that is easiest to make: a scrape joins whatever sync is under way. */
import { View } from '../../../server/view/view.ts'
import { closeAfterTest } from '../../support/cleanup.ts'

interface Syncing {
  sync: (this: Syncing) => Promise<void>
  start: (this: Syncing) => Promise<void>
  readonly running: Promise<void> | undefined
}

/** Until the test is over, for all gateways in its process. */
export function letViewsJoinRunningSyncs(): void {
  const view = View.prototype as unknown as Syncing
  const { sync, start } = view
  if (typeof start !== 'function') throw new Error('the view has another inside now')
  closeAfterTest(() => void (view.sync = sync))
  view.sync = function () {
    return this.running ?? this.start()
  }
}
