/**
 * Has the disk keep what was written to a file. The sync runs in one of libuv's threads, so that a slow disk does not
 * stop the event loop; one at a time, and one for all that wait for it. Waking a thread costs more than a quick disk
 * takes, though: while it is quick, a sync for a single write is done on the spot.
 */

/** Syncs one file, as `fs.fdatasync` and `fs.fdatasyncSync` do. */
export interface FileSyncs {
  readonly inThread: (done: (error: Error | null) => void) => void
  /** Undefined: it is never done so. */
  readonly onTheSpot: (() => void) | undefined
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The event loop may stand still for so long: about what parsing a push of some size takes. */
const QUICK_MS = 1

export class FileSync {
  private readonly syncs: FileSyncs
  private waiting: Waiting[] = []
  private running = false
  private lastTookMs = Infinity

  constructor(syncs: FileSyncs) {
    this.syncs = syncs
  }

  /**
   * Resolves when everything that was written before the call is on the disk. A sync that failed may have lost what it
   * was to write, and the next one need not know: who is told of a failure cannot rely on the file any more.
   *
   * @param alone true when nothing else is to be done meanwhile that could be gained by a thread
   */
  async written(alone: boolean): Promise<void> {
    const { onTheSpot } = this.syncs
    if (alone && !this.running && this.lastTookMs < QUICK_MS && onTheSpot !== undefined) {
      const startedAt = performance.now()
      onTheSpot()
      this.lastTookMs = performance.now() - startedAt
      return
    }
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      // One that runs already may have passed by what was written since it began.
      if (!this.running) this.start()
    })
  }

  private start(): void {
    const covered = this.waiting
    const startedAt = performance.now()
    this.waiting = []
    this.running = true
    this.syncs.inThread((error) => {
      this.running = false
      this.lastTookMs = performance.now() - startedAt
      if (this.waiting.length > 0) this.start()
      for (const { resolve, reject } of covered) {
        if (error === null) resolve()
        else reject(error)
      }
    })
  }
}
