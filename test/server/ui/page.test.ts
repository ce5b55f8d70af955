import { expect, jest, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { startTestApp } from '../../support/app.ts'
import { openPage } from '../../support/browser.ts'
import { send, waitFor } from '../../support/http.ts'
import { pushedValues, scrape } from '../../support/page.ts'
import { startPrefixProxy } from '../../support/prefix-proxy.ts'
import { describeWith } from '../../support/programs.ts'

// A first start of the browser may take its time.
jest.setTimeout(90_000)

function groupCount(page: Page): Promise<number> {
  return page.locator('section').count()
}

/** The heading of each group on the page. */
async function headings(page: Page): Promise<string[]> {
  const texts = await page.locator('section h2').allInnerTexts()
  return texts.map((text) => text.trim().replace(/\s+/g, ' '))
}

/** The path under /metrics/job of a group, in base64. */
function base64(text: string): string {
  return Buffer.from(text).toString('base64url')
}

async function pushGroups(url: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const path = `/metrics/job/${i % 2 === 0 ? 'even' : 'odd'}/number/${String(i).padStart(3, '0')}`
    await send('PUT', url, path, { body: `shown_${i} ${i}\n` })
  }
}

describeWith('chromium', 'the page in a browser', () => {
  test('says so when nothing was pushed', async () => {
    const { url } = await startTestApp()
    const { page, errors } = await openPage()
    await page.goto(url)
    expect(await page.getByText('Nothing has been pushed yet').isVisible()).toBe(true)
    expect(await groupCount(page)).toBe(0)
    expect(errors).toEqual([])
  })

  test('lists groups with their families, types, help, values and push times', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/backup/instance/db1', {
      body: '# HELP rows Rows saved.\n# TYPE rows counter\nrows{table="a"} 12.5\nrows{table="b"} 7\n',
    })
    await send('PUT', url, '/metrics/job/mail', { body: 'sent 3\n' })
    const pushedAt = new Date().toISOString().slice(0, 10)
    const { page, errors } = await openPage()
    await page.goto(url)
    expect((await headings(page)).sort()).toEqual(['instance="db1" job="backup"', 'job="mail"'])
    expect(await page.locator('[role=status]').innerText()).toContain('2')
    const group = page.locator('section', { hasText: 'backup' })
    expect(await group.innerText()).toContain(`last push ${pushedAt}`)
    const family = group.locator('details', { hasText: 'rows' }).first()
    expect(await family.locator('summary').innerText()).toMatch(/rows\s+counter\s+Rows saved\./)
    expect(await family.locator('pre').isVisible()).toBe(false)
    await family.locator('summary').click()
    expect(await family.locator('pre').innerText()).toBe(
      'rows{instance="db1",job="backup",table="a"} 12.5\nrows{instance="db1",job="backup",table="b"} 7\n',
    )
    expect(await family.innerText()).toContain(`pushed ${pushedAt}`)
    const families = await group.locator('details summary code').allInnerTexts()
    expect(families).toEqual(['push_failure_time_seconds', 'push_time_seconds', 'rows'])
    expect(errors).toEqual([])
  })

  test('counts one group as one group', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/mail', { body: 'sent 3\n' })
    const { page } = await openPage()
    await page.goto(url)
    expect(await page.locator('[role=status]').innerText()).toBe('1 group')
  })

  test('shows groups whose last push failed, and those that never succeeded', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/good', { body: 'm 1\n' })
    await send('PUT', url, '/metrics/job/failing', { body: 'm 1\n' })
    await send('PUT', url, '/metrics/job/failing', { body: 'm 1 5\n' })
    await send('PUT', url, '/metrics/job/never', { body: 'm 1 5\n' })
    const { page } = await openPage()
    await page.goto(url)
    const text = (job: string): Promise<string> =>
      page.locator('section', { hasText: `"${job}"` }).innerText()
    expect(await text('good')).not.toContain('last push failed')
    expect(await text('failing')).toContain('last push failed')
    expect(await text('failing')).not.toContain('never')
    expect(await text('never')).toContain('never pushed successfully')
  })

  test('deletes a group when that is confirmed, and nothing else', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/gone/instance/i', { body: 'm 1\n' })
    await send('PUT', url, '/metrics/job/stays', { body: 'm 2\n' })
    const { page, dialogs, errors } = await openPage({ answer: 'accept' })
    await page.goto(url)
    await page
      .locator('section', { hasText: 'gone' })
      .getByRole('button', { name: /delete/i })
      .click()
    await waitFor('the group to vanish', async () => (await groupCount(page)) === 1 || undefined)
    expect(dialogs).toHaveLength(1)
    expect(dialogs[0]).toContain('instance="i",job="gone"')
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="stays"}': '2' })
    expect(await headings(page)).toEqual(['job="stays"'])
    expect(errors).toEqual([])
    await page.reload()
    expect(await headings(page)).toEqual(['job="stays"'])
  })

  test('says after a delete how many groups there are then', async () => {
    const { url } = await startTestApp()
    await pushGroups(url, 3)
    const { page } = await openPage({ answer: 'accept' })
    await page.goto(url)
    expect(await page.locator('[role=status]').innerText()).toBe('3 groups')
    await page
      .getByRole('button', { name: /delete/i })
      .first()
      .click()
    // The group vanishes first; how many there are is then asked of the gateway.
    await waitFor('the new count', async () => {
      return (await page.locator('[role=status]').innerText()) === '2 groups' || undefined
    })
    expect(await groupCount(page)).toBe(2)
  })

  test('deletes nothing when that is not confirmed', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/stays', { body: 'm 2\n' })
    const { page, dialogs } = await openPage({ answer: 'dismiss' })
    await page.goto(url)
    await page.getByRole('button', { name: /delete/i }).click()
    await waitFor('the question', () => dialogs.length > 0 || undefined)
    expect(await headings(page)).toEqual(['job="stays"'])
    await page.reload()
    expect(await headings(page)).toEqual(['job="stays"'])
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="stays"}': '2' })
  })

  test('says so when a delete fails, keeps the group and lets one try again', async () => {
    const { app, url } = await startTestApp()
    await send('PUT', url, '/metrics/job/stays', { body: 'm 2\n' })
    const { page, dialogs } = await openPage({ answer: 'accept' })
    await page.goto(url)
    await app.stop()
    const button = page.getByRole('button', { name: /delete/i })
    await button.click()
    await waitFor('the question and the failure', () => dialogs.length >= 2 || undefined)
    expect(dialogs[1]).toContain('not deleted')
    expect(await headings(page)).toEqual(['job="stays"'])
    expect(await button.isEnabled()).toBe(true)
  })

  test('deletes groups of any label values, each exactly', async () => {
    const { url } = await startTestApp()
    const values = [
      'a/b',
      'a b',
      'ä€\u{1f600}',
      '.',
      '..',
      'a?b=c#d&e',
      '%2F',
      '"quoted"',
      "it's",
      '<b>',
      'line\nfeed',
      'back\\slash',
      'job=base64',
      '@base64',
    ]
    for (const value of values) {
      const path = `/metrics/job@base64/${base64(value)}/v@base64/${base64(value)}`
      await send('PUT', url, path, { body: 'm 1\n' })
    }
    await send('PUT', url, '/metrics/job/j/empty@base64/=', { body: 'm 1\n' })
    const total = values.length + 1
    const { page, dialogs } = await openPage({ answer: 'accept' })
    await page.goto(url)
    expect(await groupCount(page)).toBe(total)
    for (let left = total - 1; left >= 0; left--) {
      await page
        .getByRole('button', { name: /delete/i })
        .first()
        .click()
      await waitFor('a group to vanish', async () => (await groupCount(page)) === left || undefined)
      expect(Object.keys(pushedValues(await scrape(url)))).toHaveLength(left)
    }
    expect(dialogs).toHaveLength(total)
  })

  test('searches labels and metric names, in any case', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/backup/instance/db1', { body: 'rows_saved 1\n' })
    await send('PUT', url, '/metrics/job/mail/zone/"><i>', { body: 'sent_total 3\n' })
    const { page, errors } = await openPage()
    await page.goto(url)
    const search = async (text: string): Promise<string[]> => {
      await page.getByRole('searchbox').fill(text)
      await page.getByRole('searchbox').press('Enter')
      await page.waitForURL(/search=/)
      expect(await page.getByRole('searchbox').inputValue()).toBe(text)
      return headings(page)
    }
    expect(await search('BACKUP')).toEqual(['instance="db1" job="backup"'])
    expect(await search('sent_')).toEqual(['job="mail" zone=""><i>"'])
    expect(await search('job="mail"')).toEqual(['job="mail" zone=""><i>"'])
    expect(await search('"><script>window.spoiled = 1</script>')).toEqual([])
    expect(await page.locator('[role=status]').innerText()).toBe('0 of 2 groups')
    expect(await search('100%+&=ü')).toEqual([])
    expect(await search('')).toHaveLength(2)
    expect(await page.evaluate('window.spoiled')).toBeUndefined()
    expect(errors).toEqual([])
  })

  test('shows many groups page by page, within a search too', async () => {
    const { url } = await startTestApp()
    await pushGroups(url, 130)
    const { page } = await openPage()
    await page.goto(url)
    const seen: string[] = []
    for (const expected of [50, 50, 30]) {
      expect(await groupCount(page)).toBe(expected)
      expect(await page.locator('[role=status]').innerText()).toBe('130 groups')
      seen.push(...(await headings(page)))
      const next = page.getByRole('link', { name: 'next' })
      if (expected === 50) await next.click()
      else expect(await next.count()).toBe(0)
    }
    expect(new Set(seen).size).toBe(130)
    await page.getByRole('link', { name: 'previous' }).click()
    expect(await headings(page)).toEqual(seen.slice(50, 100))

    await page.goto(`${url}/?search=odd`)
    expect(await page.locator('[role=status]').innerText()).toBe('65 of 130 groups')
    await page.getByRole('link', { name: 'next' }).click()
    expect(await groupCount(page)).toBe(15)
    expect((await headings(page)).every((heading) => heading.includes('odd'))).toBe(true)
    expect(await page.getByRole('searchbox').inputValue()).toBe('odd')

    for (const odd of [
      'page=99',
      'page=0',
      'page=-1',
      'page=x',
      'page=1e999',
      'page=1.5',
      'page=',
    ]) {
      await page.goto(`${url}/?${odd}`)
      expect(await groupCount(page)).toBeGreaterThanOrEqual(30)
    }
  })

  test('cuts off families that are very long, and says that by an ellipsis', async () => {
    const { url } = await startTestApp()
    const body = Array.from({ length: 20_000 }, (_, i) => `long{i="${i}"} ${i}\n`).join('')
    await send('PUT', url, '/metrics/job/j', { body })
    await send('PUT', url, '/metrics/job/k', { body: `wide{v="${'é'.repeat(50_000)}"} 1\n` })
    const { page } = await openPage()
    await page.goto(url)
    const text = (name: string): Promise<string | null> =>
      page
        .locator('details', { has: page.locator('code', { hasText: name }) })
        .locator('pre')
        .textContent()
    expect(await text('long')).toMatch(/^long\{i="0",[^]*\} \d+\n…$/)
    expect(await text('wide')).toBe('…')
  })

  test('shows whatever was pushed as text: no script of it runs', async () => {
    const { url } = await startTestApp()
    const attacks = [
      '<script>window.spoiled = 1; alert(1)</script>',
      '"><img src=x onerror="window.spoiled = 1; alert(1)">',
      `' onmouseover='window.spoiled = 1' x='`,
      '</pre></section><script>window.spoiled = 1</script>',
      '</title><svg onload=alert(1)>',
      '${alert(1)} {{alert(1)}} &lt;script&gt;',
      'javascript:alert(1)',
    ]
    const quoted = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
    for (const attack of attacks) {
      await send('PUT', url, `/metrics/job@base64/${base64(attack)}/l@base64/${base64(attack)}`, {
        body: `# HELP m ${attack}\nm{value="${quoted(attack)}"} 1\n`,
      })
    }
    const { page, dialogs, errors } = await openPage({ answer: 'dismiss' })
    await page.goto(url)
    expect(await groupCount(page)).toBe(attacks.length)
    for (const attack of attacks) {
      const group = page.locator('section', { has: page.getByText(`job="${attack}"`) }).first()
      expect(await group.locator('h2').innerText()).toContain(`l="${attack}"`)
      const family = group.locator('details').first()
      await family.locator('summary').click()
      expect(await family.locator('.help').innerText()).toContain(attack)
      expect(await family.locator('pre').textContent()).toContain(`value="${quoted(attack)}"`)
      await group.locator('h2').hover()
    }
    expect(dialogs).toEqual([])
    expect(await page.evaluate('window.spoiled')).toBeUndefined()
    expect(await page.locator('main script, main img, main svg').count()).toBe(0)
    expect(errors).toEqual([])
    // The question before a delete shows the labels too.
    await page
      .getByRole('button', { name: /delete/i })
      .first()
      .click()
    await waitFor('the question', () => dialogs.length > 0 || undefined)
    expect(dialogs[0]).toContain(attacks.find((attack) => dialogs[0]!.includes(attack)))
  })

  test('forbids everything from outside and everything inline by its Content-Security-Policy', async () => {
    const { url } = await startTestApp()
    const { page, errors } = await openPage()
    const answer = await page.goto(url)
    const policy = answer?.headers()['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(errors).toEqual([])
    await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'window.spoiled = 1'
      document.body.append(script)
    }`)
    expect(await page.evaluate('window.spoiled')).toBeUndefined()
    expect(errors.join()).toContain('Content Security Policy')
  })

  test('finds its assets under a route prefix, and deletes there', async () => {
    const { url } = await startTestApp('--web.route-prefix=/pg')
    await send('PUT', url, '/pg/metrics/job/j', { body: 'm 1\n' })
    await expectWorkingPage(`${url}/pg/`, url, '/pg/metrics')
  })

  test('works behind a proxy that shows it under another prefix', async () => {
    const { url } = await startTestApp(
      '--web.route-prefix=/int',
      '--web.external-url=https://example.org/ext/',
    )
    await send('PUT', url, '/int/metrics/job/j', { body: 'm 1\n' })
    const proxy = await startPrefixProxy(url, '/ext', '/int')
    await expectWorkingPage(`${proxy}/ext/`, url, '/int/metrics')
  })

  /** The page at an address: all it needs is loaded, its links lead somewhere, delete deletes. */
  async function expectWorkingPage(address: string, url: string, telemetry: string): Promise<void> {
    const { page, errors } = await openPage({ answer: 'accept' })
    const loaded = new Map<string, number>()
    page.on('response', (response) =>
      loaded.set(new URL(response.url()).pathname, response.status()),
    )
    await page.goto(address)
    await page.waitForLoadState('networkidle')
    const { pathname } = new URL(address)
    for (const name of ['app.js', 'style.css']) {
      expect([name, loaded.get(`${pathname}static/${name}`)]).toEqual([name, 200])
    }
    expect([...loaded.values()].every((status) => status === 200)).toBe(true)
    expect(await page.evaluate('document.styleSheets[0].cssRules.length')).toBeGreaterThan(3)
    for (const link of await page.locator('a').all()) {
      const href = new URL((await link.getAttribute('href')) ?? '', address)
      expect([href.pathname, (await fetch(href)).status]).toEqual([href.pathname, 200])
    }
    await page.getByRole('searchbox').fill('job')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.waitForURL(`${address}?search=job`)
    await page.getByRole('button', { name: /delete/i }).click()
    await waitFor('the group to vanish', async () => (await groupCount(page)) === 0 || undefined)
    expect(pushedValues(await scrape(url, telemetry))).toEqual({})
    expect(errors).toEqual([])
  }

  test('can be read, opened up, searched and turned over without JavaScript', async () => {
    const { url } = await startTestApp()
    await pushGroups(url, 60)
    const { page } = await openPage({ javaScript: false })
    await page.goto(url)
    expect(await groupCount(page)).toBe(50)
    await page.getByRole('link', { name: 'next' }).click()
    expect(await groupCount(page)).toBe(10)
    await page.getByRole('searchbox').fill('shown_41')
    await page.getByRole('button', { name: 'Search' }).click()
    expect(await headings(page)).toEqual(['job="odd" number="041"'])
    const family = page.locator('details', { hasText: 'shown_41' })
    await family.locator('summary').click()
    expect(await family.locator('pre').innerText()).toContain('shown_41{')
    expect(await family.locator('pre').isVisible()).toBe(true)
  })
})
