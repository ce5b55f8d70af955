import { expect, test } from '@jest/globals'
import { startTestApp } from '../../support/app.ts'
import { send } from '../../support/http.ts'

test('what was pushed is on the page when the push is answered', async () => {
  const { url } = await startTestApp()
  const pushed = await send('PUT', url, '/metrics/job/j/instance/i', { body: 'm 1\n' })
  expect(pushed.status).toBe(200)
  expect(pushed.body.length).toBe(0)
  const page = await send('GET', url, '/metrics')
  expect(page.text).toContain('m{instance="i",job="j"} 1\n')
})
