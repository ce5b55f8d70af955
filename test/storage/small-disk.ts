/** A filesystem that a test can fill up: a small tmpfs where mounting is allowed. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'

export interface SmallDisk {
  readonly folder: string
  /** Takes all the room that is left. */
  fill(): void
  /** Gives back what `fill` took. */
  free(): void
}

/** Undefined where this user may not mount anything. */
export function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  const folder = path.join(temporaryFolder(), 'disk')
  mkdirSync(folder)
  const asRoot = process.getuid?.() === 0 ? ['env'] : ['sudo', '-n']
  const run = (...args: string[]): boolean =>
    spawnSync(asRoot[0]!, [...asRoot.slice(1), ...args]).status === 0
  const options = `size=${megabytes}m,mode=0777`
  if (!run('mount', '-t', 'tmpfs', '-o', options, 'none', folder)) return undefined
  closeAfterTest(() => {
    if (!run('umount', folder)) throw new Error(`${folder} is still mounted`)
  })
  const filler = path.join(folder, 'filler')
  return { folder, fill: () => fillUp(filler), free: () => rmSync(filler) }
}

function fillUp(file: string): void {
  const descriptor = openSync(file, 'a')
  try {
    for (let size = 64 * 1024; size >= 1; size = Math.floor(size / 2)) {
      const chunk = Buffer.alloc(size)
      try {
        while (writeSync(descriptor, chunk) === size) continue
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(descriptor)
  }
}
