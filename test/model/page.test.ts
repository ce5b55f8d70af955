/** Pages as a whole, where pushes make them large or odd. */
import { expect, test } from '@jest/globals'
import { within } from '../support/deadline.ts'
import { send } from '../support/http.ts'
import { startGateway } from '../support/program.ts'

test('names that grow when they are escaped do not keep the gateway from answering', async () => {
  const { url } = await startGateway(['--storage.url=memory:', '--push.enable-utf8-names'])
  const name = '.'.repeat(200)
  const lines = Array.from({ length: 100 }, (_, i) => `{"${name}",n="${i}"} 1\n`)
  for (const job of ['a', 'b']) {
    const pushed = await send('PUT', url, `/metrics/job/${job}`, { body: lines.join('') })
    expect(pushed.status).toBe(200)
  }
  for (const scheme of ['allow-utf-8', 'underscores', 'dots', 'values']) {
    const headers = { accept: `text/plain;version=1.0.0;escaping=${scheme}` }
    const scraped = send('GET', url, '/metrics', { headers })
    const { status, text } = await within(8_000, `a scrape with escaping=${scheme}`, scraped)
    expect(status).toBe(200)
    expect(text.match(/job="[ab]",n="\d+"/g)).toHaveLength(200)
  }
})
