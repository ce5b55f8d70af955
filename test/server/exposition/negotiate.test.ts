import { describe, expect, test } from '@jest/globals'
import { negotiate } from '../../../server/exposition/negotiate.ts'

const PROTO =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
const PROTO_ANSWER =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const TEXT_1 = 'text/plain; version=1.0.0; charset=utf-8'
const OM = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

function answered(accept: string | undefined, preferOpenMetrics = false): string {
  return negotiate(accept, { preferOpenMetrics }).contentType
}

const PROMETHEUS_2_45 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const PROMETHEUS_2_53 =
  'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
const PROMETHEUS_3_LEGACY = PROMETHEUS_3.replaceAll('allow-utf-8', 'underscores')
const PROMETHEUS_3_NATIVE = `${PROTO};escaping=allow-utf-8;q=0.7,${PROMETHEUS_3}`

describe('what scrapers get', () => {
  test.each<[scraper: string, accept: string | undefined, contentType: string]>([
    ['nobody in particular', undefined, `${TEXT}; escaping=underscores`],
    ['an empty header', '', `${TEXT}; escaping=underscores`],
    ['curl', '*/*', `${TEXT}; escaping=underscores`],
    ['a browser', 'text/html,application/xml;q=0.9,*/*;q=0.8', `${TEXT}; escaping=underscores`],
    ['JSON only', 'application/json', `${TEXT}; escaping=underscores`],
    ['Prometheus 2.45', PROMETHEUS_2_45, `${TEXT}; escaping=underscores`],
    ['Prometheus 2.53', PROMETHEUS_2_53, `${TEXT}; escaping=underscores`],
    [
      'Prometheus 2.45, native',
      `${PROTO},${PROMETHEUS_2_45}`,
      `${PROTO_ANSWER}; escaping=underscores`,
    ],
    ['Prometheus 3', PROMETHEUS_3, `${TEXT_1}; escaping=allow-utf-8`],
    ['Prometheus 3, legacy names', PROMETHEUS_3_LEGACY, `${TEXT_1}; escaping=underscores`],
    ['Prometheus 3, native', PROMETHEUS_3_NATIVE, `${PROTO_ANSWER}; escaping=allow-utf-8`],
    ['VictoriaMetrics', 'text/plain;version=0.0.4;q=1,*/*;q=0.1', `${TEXT}; escaping=underscores`],
    [
      'Telegraf',
      `${PROTO};q=0.7,text/plain;version=0.0.4;q=0.3`,
      `${PROTO_ANSWER}; escaping=underscores`,
    ],
    ['Datadog', 'text/plain', `${TEXT}; escaping=underscores`],
    [
      'Datadog with the latest spec',
      'application/openmetrics-text; version=0.0.1; charset=utf-8',
      'application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores',
    ],
  ])('%s', (_, accept, contentType) => {
    expect(answered(accept)).toBe(contentType)
  })
})

describe('OpenMetrics', () => {
  test.each<[what: string, accept: string]>([
    ['the only type taken', 'application/openmetrics-text;version=1.0.0'],
    ['without a version', 'application/openmetrics-text'],
    ['beside what is not known', 'application/json, application/openmetrics-text;q=0.1'],
    ['beside text that is ruled out', 'text/plain;q=0, application/openmetrics-text;q=0.5'],
    ['beside an unknown version of text', 'text/plain;version=9, application/openmetrics-text'],
    ['rather than protobuf', `${PROTO};q=0.2, application/openmetrics-text;q=0.4`],
  ])('is sent where it is %s', (_, accept) => {
    expect(answered(accept)).toBe(`${OM}; escaping=underscores`)
  })

  test.each<[what: string, accept: string]>([
    ['by name', 'application/openmetrics-text, text/plain;q=0.1'],
    ['as text/*', 'application/openmetrics-text, text/*;q=0.1'],
    ['as */*', 'application/openmetrics-text, */*;q=0.1'],
  ])('gives way to text that is taken %s', (_, accept) => {
    expect(answered(accept)).toBe(`${TEXT}; escaping=underscores`)
  })

  test('is not sent in a version that is not known', () => {
    expect(answered('application/openmetrics-text;version=2.0.0')).toBe(
      `${TEXT}; escaping=underscores`,
    )
  })

  test.each([PROMETHEUS_2_45, PROMETHEUS_2_53])(
    'is sent to whom prefers it, when the gateway prefers it too: %s',
    (accept) => {
      expect(answered(accept, true)).toBe(`${OM}; escaping=underscores`)
    },
  )

  test('is sent with the escaping that stands on it', () => {
    expect(answered(PROMETHEUS_3, true)).toBe(`${OM}; escaping=allow-utf-8`)
  })

  test('is not sent to whom prefers text, whatever the gateway prefers', () => {
    expect(answered('text/plain, application/openmetrics-text;q=0.9', true)).toContain(TEXT)
  })
})

describe('escaping', () => {
  test.each(['allow-utf-8', 'underscores', 'dots', 'values'])('%s is met', (scheme) => {
    expect(answered(`text/plain;version=0.0.4;escaping=${scheme}`)).toBe(
      `${TEXT}; escaping=${scheme}`,
    )
    expect(answered(`${PROTO}; escaping=${scheme}`)).toBe(`${PROTO_ANSWER}; escaping=${scheme}`)
  })

  test('that is not known is passed over', () => {
    expect(answered('text/plain;escaping=rot13')).toBe(`${TEXT}; escaping=underscores`)
  })

  test('is the last one on the way to what is sent', () => {
    expect(
      answered(
        'application/openmetrics-text;escaping=dots, text/plain;q=0.5, a/b;escaping=values;q=0.1',
      ),
    ).toBe(`${TEXT}; escaping=dots`)
  })
})

describe('protobuf', () => {
  test.each([
    'application/vnd.google.protobuf',
    'application/vnd.google.protobuf;encoding=delimited',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text',
    'application/vnd.google.protobuf;proto=other;encoding=delimited',
    `${PROTO};q=0`,
  ])('is sent only delimited and by its full name: not for %s', (accept) => {
    expect(answered(accept)).toBe(`${TEXT}; escaping=underscores`)
  })

  test('is found with quoted parameters, blanks and any case', () => {
    expect(
      answered(
        'Application/VND.google.protobuf; Proto="io.prometheus.client.MetricFamily"; Encoding=delimited ; q=0.9',
      ),
    ).toBe(`${PROTO_ANSWER}; escaping=underscores`)
  })
})
