/** Everything that is fuzzed, by name. */
import type { Target } from './target.ts'
import { encodingsTarget, snappyTarget } from './targets/encodings.ts'
import {
  openMetricsTarget,
  protobufTarget,
  storedFamilyTarget,
  textTarget,
} from './targets/expositions.ts'
import { acceptTarget, contentTypeTarget, groupingPathTarget } from './targets/headers.ts'
import { httpTarget } from './targets/http.ts'
import { webConfigTarget } from './targets/web-config.ts'

export const TARGETS: Readonly<Record<string, () => Target | Promise<Target>>> = {
  text: textTarget,
  openmetrics: openMetricsTarget,
  protobuf: protobufTarget,
  snappy: snappyTarget,
  encodings: encodingsTarget,
  'grouping-path': groupingPathTarget,
  'stored-family': storedFamilyTarget,
  'content-type': contentTypeTarget,
  accept: acceptTarget,
  'web-config': webConfigTarget,
  http: httpTarget,
}
