/** A real Chromium, driven by playwright-core; each page has a profile of its own. */
import { afterAll } from '@jest/globals'
import { chromium, type Browser, type Page } from 'playwright-core'
import { closeAfterTest } from './cleanup.ts'
import { needProgram } from './programs.ts'

const SWITCHES = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The first start after an installation reads a lot from disk. */
const START_MS = 60_000

export interface OpenedPage {
  readonly page: Page
  /** Texts of the dialogs that came up. */
  readonly dialogs: readonly string[]
  /** Errors of scripts, and what the console had of errors: refused scripts and styles among them. */
  readonly errors: readonly string[]
}

export interface PageOptions {
  readonly javaScript?: boolean
  /** What is done with dialogs. */
  readonly answer?: 'accept' | 'dismiss'
}

let running: Promise<Browser> | undefined

afterAll(async () => {
  await (await running)?.close()
})

/** Opens a page in a fresh profile, which is gone after the test; the browser itself serves all tests of a file. */
export async function openPage({
  javaScript = true,
  answer = 'dismiss',
}: PageOptions = {}): Promise<OpenedPage> {
  running ??= chromium.launch({
    executablePath: needProgram('chromium'),
    args: SWITCHES,
    timeout: START_MS,
  })
  const browser = await running
  const context = await browser.newContext({ javaScriptEnabled: javaScript })
  closeAfterTest(() => context.close())
  const page = await context.newPage()
  const dialogs: string[] = []
  const errors: string[] = []
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void (answer === 'accept' ? dialog.accept() : dialog.dismiss())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  return { page, dialogs, errors }
}
