/**
 * Has the disk keep what was written to a file. The sync runs in one of libuv's threads, so that a slow disk does not
 * stop the event loop; one at a time, and one for all that wait for it.
 */

/** Syncs the file, as `fs.fdatasync` does. */
export type SyncFile = (done: (error: Error | null) => void) => void

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class FileSync {
  private readonly sync: SyncFile
  private waiting: Waiting[] = []
  private running = false

  constructor(sync: SyncFile) {
    this.sync = sync
  }

  /**
   * Resolves when everything that was written before the call is on the disk. A sync that failed may have lost what it
   * was to write, and the next one need not know: who is told of a failure cannot rely on the file any more.
   */
  written(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      // One that runs already may have passed by what was written since it began.
      if (!this.running) this.start()
    })
  }

  private start(): void {
    const covered = this.waiting
    this.waiting = []
    this.running = true
    this.sync((error) => {
      this.running = false
      if (this.waiting.length > 0) this.start()
      for (const { resolve, reject } of covered) {
        if (error === null) resolve()
        else reject(error)
      }
    })
  }
}
