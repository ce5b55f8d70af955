/** What is read of the head of a request: the path of a group, Content-Type, Accept and Accept-Encoding. */
import type { IncomingMessage } from 'node:http'
import { syntaxOfBody } from '../../../server/exposition/content-type.ts'
import { negotiate } from '../../../server/exposition/negotiate.ts'
import {
  decodeGroupKey,
  groupPath,
  groupingKeyOf,
  parseGroupingPath,
} from '../../../server/groups/grouping-key.ts'
import { acceptsGzip } from '../../../server/http/accept.ts'
import {
  ACCEPTED,
  Finding,
  isSluiceError,
  optionsBefore,
  outcomeOf,
  refused,
  withOptions,
  type Target,
} from '../target.ts'
import { HEADER_TOKENS, PATH_TOKENS } from '../tokens.ts'

const PATHS = [
  'job/j',
  'job/j/instance/host:9100',
  'job@base64/YWJj/a@base64/=/',
  'job/a%2Fb/path@base64/L3Zhci90bXA=',
  'job/%C3%A9/U__a_2e_b/c',
  'job/j/U__caf_e9_/x/b@base64/w6k',
  'job//a/b',
  'job/j/a/../b',
].map((text) => Buffer.from(text))

/** First bit: whether names in UTF-8 are decoded. */
export function groupingPathTarget(): Target {
  return {
    name: 'grouping-path',
    seeds: optionsBefore([0, 1], PATHS),
    tokens: PATH_TOKENS,
    executionsASecond: 8000,
    run: (input) => {
      const { bit, rest } = withOptions(input)
      const path = bit(1) ? rest.toString('utf8') : rest.toString('latin1')
      return outcomeOf(() => checkPath(path, bit(0)), isSluiceError)
    },
  }
}

function checkPath(path: string, utf8Names: boolean): void {
  const grouping = parseGroupingPath(path, utf8Names)
  if (!decodeGroupKey(grouping.key).key.equals(grouping.key)) throw new Finding('another key')
  if (!groupingKeyOf(decodeGroupKey(grouping.key).labels).key.equals(grouping.key)) {
    throw new Finding('the labels of a key make another key')
  }
  const written = groupPath(grouping, utf8Names)
  if (!parseGroupingPath(written, utf8Names).key.equals(grouping.key)) {
    throw new Finding(`${JSON.stringify(written)} is the path of another group`)
  }
}

const HEADERS = [
  'text/plain; version=0.0.4; charset=utf-8',
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
  'application/vnd.google.protobuf;proto="io.prometheus.client.MetricFamily";encoding="deli\\mited";',
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  'multipart/form-data; boundary="a;b=c"',
  'gzip;q=1.0, identity; q=0.5, *;q=0',
].map((text) => Buffer.from(text))

export function contentTypeTarget(): Target {
  return {
    name: 'content-type',
    seeds: HEADERS,
    tokens: HEADER_TOKENS,
    executionsASecond: 15_000,
    run: (input) => {
      const syntax = syntaxOfBody(input.toString('latin1'))
      return syntax === 'text' ? refused('') : ACCEPTED
    },
  }
}

/** First bit: whether OpenMetrics is preferred. */
export function acceptTarget(): Target {
  return {
    name: 'accept',
    seeds: optionsBefore([0, 1], HEADERS),
    tokens: HEADER_TOKENS,
    executionsASecond: 8000,
    run: (input) => {
      const { bit, rest } = withOptions(input)
      const header = rest.toString('latin1')
      const { contentType, syntax, escaping } = negotiate(header, { preferOpenMetrics: bit(0) })
      if (!/^[a-z]+\/[a-z.-]+; [ -~]+$/.test(contentType)) throw new Finding(contentType)
      acceptsGzip({ headers: { 'accept-encoding': header } } as IncomingMessage)
      return syntax === 'text' && escaping === 'underscores' ? refused('') : ACCEPTED
    },
  }
}
