/**
 * What a test opens, it registers here. Everything is closed after the test, last opened first,
 * and whatever cannot be closed fails the test.
 */
import { afterEach } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

type Close = () => Promise<unknown> | void

const opened: Close[] = []

export function closeAfterTest(close: Close): void {
  opened.push(close)
}

afterEach(async () => {
  const errors: unknown[] = []
  for (const close of opened.splice(0).reverse()) {
    try {
      await close()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'could not close what the test opened')
})

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-test-'))
  closeAfterTest(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
