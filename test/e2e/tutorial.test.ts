/** What the tutorial shows, step by step, typed as it stands there; only the host changes. */
import { describe, expect, test } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryFolder } from '../support/cleanup.ts'
import { within } from '../support/deadline.ts'
import { send, waitFor } from '../support/http.ts'
import { pushed, pushedValues, scrape } from '../support/page.ts'
import { runToEnd, type Finished } from '../support/processes.ts'
import { runProgram, startGateway, type RunningGateway } from '../support/program.ts'
import { describeWith, needProgram } from '../support/programs.ts'
import { query, startPrometheus, waitForValue } from '../support/prometheus.ts'

/** The host as the tutorial writes it, and what stands in for it. */
const HOST = 'http://host:9091'

function typeInShell(line: string, { url }: { readonly url: string }): Promise<Finished> {
  return runToEnd('sh', ['-c', line.replaceAll(HOST, url)])
}

function startOnFile(file: string): Promise<RunningGateway> {
  return startGateway([`--storage.url=sqlite:${file}`])
}

function databaseFile(): string {
  return path.join(temporaryFolder(), 'groups.db')
}

/** Ends a gateway and starts another one on its address and file. */
async function restart(gateway: RunningGateway, file: string): Promise<void> {
  gateway.process.kill('SIGTERM')
  expect((await within(8_000, 'the exit', gateway.ended)).code).toBe(0)
  runProgram([`--web.listen-address=${new URL(gateway.url).host}`, `--storage.url=sqlite:${file}`])
  await waitFor('the gateway to be back', async () => {
    try {
      return (await send('GET', gateway.url, '/-/ready')).status === 200 || undefined
    } catch {
      return undefined
    }
  })
}

describe('the gateway of the tutorial', () => {
  test('has a page for people on /', async () => {
    const gateway = await startOnFile(databaseFile())
    const { status, headers, text } = await send('GET', gateway.url, '/')
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(text).toContain('Nothing has been pushed yet')
  })

  test('listens on port 9091 unless told otherwise', async () => {
    const { stdout } = await runToEnd('sh', [
      '-c',
      `"$@" --help`,
      'sh',
      process.execPath,
      path.join(import.meta.dirname, '../../dist/server/main.js'),
    ])
    expect(stdout).toContain('--web.listen-address=:9091')
  })
})

describeWith('curl', 'pushes of the tutorial with curl', () => {
  const MY_METRIC = `echo 'my_metric{label1="value1", label2="value2"} 42.5' | curl -X POST --data-binary @- http://host:9091/metrics/job/myjob/instance/myinstance`
  const SERIES = 'my_metric{instance="myinstance",job="myjob",label1="value1",label2="value2"}'

  test('echo … | curl -X POST --data-binary @- …: the metric stands on the page and the scrape page', async () => {
    const gateway = await startOnFile(databaseFile())
    const { status, stdout } = await typeInShell(MY_METRIC, gateway)
    expect([status, stdout]).toEqual([0, ''])
    expect(pushedValues(await scrape(gateway.url))).toEqual({ [SERIES]: '42.5' })
    const { text } = await send('GET', gateway.url, '/')
    expect(text).toContain('my_metric')
    expect(text).toContain('job=&quot;myjob&quot;')
    expect(text).toContain('42.5')
  })

  test('with -f curl ends with 0 for what was stored and 22 for what was refused', async () => {
    const gateway = await startOnFile(databaseFile())
    const line = (text: string): string =>
      `printf '${text}' | curl -sf --data-binary @- http://host:9091/metrics/job/j`
    expect((await typeInShell(line('m 1\\n'), gateway)).status).toBe(0)
    expect((await typeInShell(line('m 1'), gateway)).status).toBe(22)
  })

  test('curl -d, which takes the line feeds away, is told what is missing', async () => {
    const gateway = await startOnFile(databaseFile())
    const { stdout } = await typeInShell(`curl -s -d 'm 1' http://host:9091/metrics/job/j`, gateway)
    expect(stdout).toContain('line feed')
  })

  test('the cron script pushes the date, time and again', async () => {
    const gateway = await startOnFile(databaseFile())
    const script = path.join(temporaryFolder(), 'my_date.sh')
    const text = `#!/bin/bash
echo "my_date{source=\\"system\\"} $(date +%s)" | curl --data-binary @- http://host:9091/metrics/job/cronjob/instance/myscript
`
    writeFileSync(script, text.replaceAll(HOST, gateway.url))
    const series = 'my_date{instance="myscript",job="cronjob",source="system"}'
    const before = Math.floor(Date.now() / 1000)
    for (let minute = 0; minute < 3; minute++) {
      const { status, stdout } = await runToEnd('sh', [script])
      expect([status, stdout]).toEqual([0, ''])
    }
    const page = pushedValues(await scrape(gateway.url))
    expect(Object.keys(page)).toEqual([series])
    expect(Number(page[series])).toBeGreaterThanOrEqual(before)
    expect(Number(page[series])).toBeLessThanOrEqual(Date.now() / 1000)
  })

  test('curl -T - and bodies over a megabyte (chunks, Expect: 100-continue) are taken', async () => {
    const gateway = await startOnFile(databaseFile())
    const many = `i=0; while [ $i -lt 40000 ]; do echo "many{i=\\"$i\\",text=\\"some more text\\"} 1"; i=$((i+1)); done`
    const put = await typeInShell(
      `{ ${many}; } | curl -s -T - -w '%{http_code}' http://host:9091/metrics/job/put`,
      gateway,
    )
    expect(put.stdout).toBe('200')
    const post = await typeInShell(
      `{ ${many}; } | curl -s --data-binary @- -w '%{http_code}' http://host:9091/metrics/job/post`,
      gateway,
    )
    expect(post.stdout).toBe('200')
    expect((await scrape(gateway.url)).size).toBeGreaterThan(80_000)
  })

  test('curl -X DELETE removes the group', async () => {
    const gateway = await startOnFile(databaseFile())
    await typeInShell(MY_METRIC, gateway)
    await typeInShell(
      'curl -X DELETE http://host:9091/metrics/job/myjob/instance/myinstance',
      gateway,
    )
    expect(pushed(await scrape(gateway.url))).toEqual({})
  })

  test('what was pushed is there, to the digit, when the gateway is restarted', async () => {
    const file = databaseFile()
    const gateway = await startOnFile(file)
    await typeInShell(MY_METRIC, gateway)
    const before = pushed(await scrape(gateway.url))
    await restart(gateway, file)
    expect(pushed(await scrape(gateway.url))).toEqual(before)
  })

  test('a body beyond --push.max-body-bytes gets its 413 through, however curl sends it', async () => {
    const gateway = await startGateway(['--storage.url=memory:', '--push.max-body-bytes=1000'])
    for (const how of ['--data-binary @-', '-H Expect: --data-binary @-', '-T -']) {
      const { stdout } = await typeInShell(
        `head -c 20000000 /dev/zero | curl -s ${how} -w '%{http_code}' -o /dev/null http://host:9091/metrics/job/j`,
        gateway,
      )
      expect([how, stdout]).toEqual([how, '413'])
    }
  })
})

describeWith('python3', 'pushes of the tutorial with the Python client', () => {
  function runPython(script: string, ...args: string[]): Promise<Finished> {
    return runToEnd(needProgram('python3'), ['-', ...args], { input: script })
  }

  const PUSH = `
import sys
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
registry = CollectorRegistry()
g = Gauge('job_last_success_unixtime', 'Last time a batch job successfully finished', registry=registry)
g.set_to_current_time()
push_to_gateway(sys.argv[1], job='batchA', registry=registry)
`

  test('push_to_gateway stores the gauge under job="batchA"', async () => {
    const { url } = await startOnFile(databaseFile())
    const before = Date.now() / 1000
    const { status, stderr } = await runPython(PUSH, new URL(url).host)
    expect([status, stderr]).toEqual([0, ''])
    const { text } = await send('GET', url, '/metrics')
    expect(text).toContain(
      '# HELP job_last_success_unixtime Last time a batch job successfully finished\n# TYPE job_last_success_unixtime gauge\n',
    )
    const value = (await scrape(url)).get('job_last_success_unixtime{instance="",job="batchA"}')
    expect(Math.abs(Number(value) - before)).toBeLessThan(30)
  })

  test('push_to_gateway replaces, pushadd_to_gateway keeps other metrics, delete_from_gateway deletes', async () => {
    const { url } = await startOnFile(databaseFile())
    const script = `
import sys
from prometheus_client import *
def registry(**gauges):
    registry = CollectorRegistry()
    for name, value in gauges.items():
        Gauge(name, name, registry=registry).set(value)
    return registry
host, step = sys.argv[1], sys.argv[2]
key = {'instance': 'i', 'path': '/var/tmp', 'empty': '', 'text': 'a b+c/é'}
if step == 'push': push_to_gateway(host, job='j/k', registry=registry(a=1, b=2), grouping_key=key)
if step == 'add': pushadd_to_gateway(host, job='j/k', registry=registry(b=3, c=4), grouping_key=key)
if step == 'replace': push_to_gateway('http://' + host, job='j/k', registry=registry(d=5), grouping_key=key)
if step == 'delete': delete_from_gateway(host, job='j/k', grouping_key=key)
`
    const labels = '{empty="",instance="i",job="j/k",path="/var/tmp",text="a b+c/é"}'
    const step = async (name: string): Promise<Record<string, string>> => {
      const { status, stderr } = await runPython(script, new URL(url).host, name)
      expect([name, status, stderr]).toEqual([name, 0, ''])
      return pushedValues(await scrape(url))
    }
    expect(await step('push')).toEqual({ [`a${labels}`]: '1', [`b${labels}`]: '2' })
    expect(await step('add')).toEqual({
      [`a${labels}`]: '1',
      [`b${labels}`]: '3',
      [`c${labels}`]: '4',
    })
    expect(await step('replace')).toEqual({ [`d${labels}`]: '5' })
    expect(await step('delete')).toEqual({})
    expect(await step('delete')).toEqual({})
  })

  test('counters, summaries, histograms, infos and enums of the client are taken and read back', async () => {
    const { url } = await startOnFile(databaseFile())
    const script = `
import sys
from prometheus_client import *
r = CollectorRegistry()
Counter('c', 'a counter', ['l'], registry=r).labels('a"b\\\\c\\nd').inc(2)
Summary('s', 'a summary', registry=r).observe(1.5)
Histogram('h', 'a histogram', registry=r, buckets=(1, 2)).observe(1.5)
Info('i', 'an info', registry=r).info({'version': '1'})
Enum('e', 'an enum', registry=r, states=['on', 'off']).state('off')
Gauge('nan', 'not a number', registry=r).set(float('nan'))
push_to_gateway(sys.argv[1], job='j', registry=r)
`
    const { status, stderr } = await runPython(script, new URL(url).host)
    expect([status, stderr]).toEqual([0, ''])
    const page = pushedValues(await scrape(url))
    expect(page).toMatchObject({
      'c_total{instance="",job="j",l="a\\"b\\\\c\\nd"}': '2',
      's_count{instance="",job="j"}': '1',
      's_sum{instance="",job="j"}': '1.5',
      'h_bucket{instance="",job="j",le="1"}': '0',
      'h_bucket{instance="",job="j",le="2"}': '1',
      'h_bucket{instance="",job="j",le="+Inf"}': '1',
      'i_info{instance="",job="j",version="1"}': '1',
      'e{e="off",instance="",job="j"}': '1',
      'nan{instance="",job="j"}': 'NaN',
    })
  })

  test('a refused push is an error of the client that carries the status', async () => {
    const { url } = await startOnFile(databaseFile())
    await send('PUT', url, '/metrics/job/other', {
      body: '# TYPE job_last_success_unixtime counter\njob_last_success_unixtime 1\n',
    })
    const { status, stderr } = await runPython(PUSH, new URL(url).host)
    expect(status).toBe(1)
    expect(stderr).toContain('HTTP Error 400')
  })

  test.each([
    ['beyond --push.max-body-bytes', '/metrics/job/j', 413],
    ['to a path that is wrong', '/metrics/job/j/odd', 400],
    ['to a path that is not there', '/nowhere', 404],
    ['to the page', '/metrics', 405],
  ])(
    'a large push %s is an error that says why, not a broken pipe',
    async (_title, pushPath, expected) => {
      const { url } = await startGateway(['--storage.url=memory:', '--push.max-body-bytes=1000'])
      const script = `
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], data=b'#' * 20000000, method='PUT'))
`
      const { stderr } = await runPython(script, `${url}${pushPath}`)
      expect(stderr.trim().split('\n').at(-1)).toContain(`HTTP Error ${expected}`)
    },
  )
})

describeWith('promtool', 'the scrape page', () => {
  test('passes promtool check metrics, own metrics included', async () => {
    const { url } = await startOnFile(databaseFile())
    await send('PUT', url, '/metrics/job/j', {
      body: '# HELP a_total h\n# TYPE a_total counter\na_total{l="é\\n\\"\\\\"} 1\n# HELP h_seconds h\n# TYPE h_seconds histogram\nh_seconds_bucket{le="1"} 1\nh_seconds_sum 1\nh_seconds_count 1\n',
    })
    await send('PUT', url, '/metrics/job/j', { body: 'refused 1 5\n' })
    const { text } = await send('GET', url, '/metrics')
    const { status, stdout, stderr } = await runToEnd(
      needProgram('promtool'),
      ['check', 'metrics'],
      { input: text },
    )
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  })
})

describeWith(['prometheus', 'curl'], 'a real Prometheus with honor_labels: true', () => {
  test('scrapes the target push_gateway: it is up, and job and instance stay as pushed, over a restart too', async () => {
    const file = databaseFile()
    const gateway = await startOnFile(file)
    const { host } = new URL(gateway.url)
    const line = `echo 'my_metric{label1="value1", label2="value2"} 42.5' | curl -X POST --data-binary @- http://host:9091/metrics/job/myjob/instance/myinstance`
    expect((await typeInShell(line, gateway)).status).toBe(0)
    await send('PUT', gateway.url, '/metrics/job/batchA', { body: 'bare 1\n' })
    const prometheus = await startPrometheus(host)

    const [up, ...otherTargets] = await waitForValue(prometheus, 'up', '1')
    expect(up!.metric).toMatchObject({ job: 'push_gateway', instance: host })
    expect(otherTargets).toEqual([])

    const expression = 'my_metric{label1="value1",job="myjob",instance="myinstance"}'
    const results = await waitForValue(prometheus, expression, '42.5')
    expect(results.map(({ metric }) => metric)).toEqual([
      {
        __name__: 'my_metric',
        instance: 'myinstance',
        job: 'myjob',
        label1: 'value1',
        label2: 'value2',
      },
    ])
    // The empty instance keeps Prometheus from putting in the address of the gateway.
    const [bare] = await waitForValue(prometheus, 'bare', '1')
    expect(bare!.metric).toEqual({ __name__: 'bare', job: 'batchA' })
    expect(await query(prometheus, '{exported_job!=""}')).toEqual([])
    expect(await query(prometheus, '{exported_instance!=""}')).toEqual([])

    await restart(gateway, file)
    const again = 'my_metric{job="myjob"} and on() timestamp(up) > ' + String(Date.now() / 1000)
    await waitForValue(prometheus, again, '42.5')
    await waitForValue(prometheus, 'up', '1')

    await send('DELETE', gateway.url, '/metrics/job/myjob/instance/myinstance')
    await waitFor('the deleted series to end', async () => {
      return (await query(prometheus, expression)).length === 0 || undefined
    })
  })
})
