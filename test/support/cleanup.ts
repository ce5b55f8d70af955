/**
 * What a test opens, it registers here. Everything is closed after the test, last opened first,
 * and whatever cannot be closed fails the test.
 */
import { afterAll, afterEach, beforeAll } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

type Close = () => Promise<unknown> | void

/** Where it is registered what closes something. */
export type OnClose = (close: Close) => void

const opened: Close[] = []

export function closeAfterTest(close: Close): void {
  opened.push(close)
}

afterEach(() => closeAll(opened))

async function closeAll(closes: Close[]): Promise<void> {
  const errors: unknown[] = []
  for (const close of closes.splice(0).reverse()) {
    try {
      await close()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'could not close what the test opened')
}

/** Opens something once, before the tests of a suite; what it registers is closed after them. */
export function useForSuite<T>(open: (onClose: OnClose) => Promise<T> | T): () => T {
  const closes: Close[] = []
  let made: { readonly value: T } | undefined
  beforeAll(async () => {
    made = { value: await open((close) => closes.push(close)) }
  })
  afterAll(() => closeAll(closes))
  return () => {
    if (made === undefined) throw new Error('what a suite opens is there only while a test runs')
    return made.value
  }
}

/** A folder that is gone after the test, or when `onClose` says. */
export function temporaryFolder(onClose: OnClose = closeAfterTest): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-test-'))
  onClose(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
