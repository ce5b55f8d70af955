import { describe, expect, test } from '@jest/globals'
import { syntaxOfBody } from '../../../server/exposition/content-type.ts'

describe('a body is read as protobuf', () => {
  test.each([
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
    'application/vnd.google.protobuf; encoding=delimited; proto=io.prometheus.client.MetricFamily',
    'Application/Vnd.Google.Protobuf; PROTO=io.prometheus.client.MetricFamily; Encoding=delimited',
    'application/vnd.google.protobuf; proto="io.prometheus.client.MetricFamily"; encoding="deli\\mited"',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8;',
  ])('when it says %s', (contentType) => {
    expect(syntaxOfBody(contentType)).toBe('protobuf')
  })
})

describe('a body is read as OpenMetrics', () => {
  test.each([
    'application/openmetrics-text',
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
    'Application/OpenMetrics-Text;version="0.0.1"',
  ])('when it says %s', (contentType) => {
    expect(syntaxOfBody(contentType)).toBe('openmetrics')
  })
})

describe('a body is read as text', () => {
  test.each([
    undefined,
    '',
    'text/plain; version=0.0.4',
    'application/json',
    'application/x-www-form-urlencoded',
    'garbage',
    'application/vnd.google.protobuf',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=Delimited',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text',
    'application/vnd.google.protobuf; proto=other; encoding=delimited',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; encoding=delimited',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited, text/plain',
    'application/vnd.google.protobuf proto=io.prometheus.client.MetricFamily',
    'application/openmetrics-text; version',
    'application/openmetrics-texts',
  ])('when it says %s', (contentType) => {
    expect(syntaxOfBody(contentType)).toBe('text')
  })

  // Patterns that backtrack would take hours over these.
  test.each([
    ['parameters', ' ;a=b'.repeat(50_000)],
    ['blanks', ' '.repeat(200_000)],
    ['blanks in between', `;${' '.repeat(100_000)}a${' '.repeat(100_000)}`],
    ['an open quote', `;a="${'\\'.repeat(100_001)}`],
  ])('when it goes on with many %s and then is wrong', (_, rest) => {
    expect(syntaxOfBody(`application/openmetrics-text${rest}?`)).toBe('text')
  })
})
