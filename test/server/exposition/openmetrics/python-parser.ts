/** The OpenMetrics parser of Python's Prometheus client, which is strict and nobody's here. */
import { spawnSync } from 'node:child_process'
import { needProgram } from '../../../support/programs.ts'

export interface PythonSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: {
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
    readonly seconds?: number
  }
}

export interface PythonFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string
  readonly samples: readonly PythonSample[]
}

/** The families of a body, or why it is refused. */
export type PythonResult =
  { readonly families: readonly PythonFamily[] } | { readonly error: string }

// Values go out as text: JSON has no words for NaN and infinities.
const PROGRAM = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families

def sample(s):
    shown = {'name': s.name, 'labels': s.labels, 'value': repr(float(s.value))}
    if s.exemplar:
        shown['exemplar'] = {'labels': s.exemplar.labels, 'value': repr(float(s.exemplar.value))}
        if s.exemplar.timestamp is not None:
            shown['exemplar']['seconds'] = repr(float(s.exemplar.timestamp))
    return shown

def read(body):
    try:
        families = list(text_string_to_metric_families(body))
    except Exception as error:
        return {'error': repr(error)}
    return {'families': [
        {'name': f.name, 'type': f.type, 'help': f.documentation, 'unit': f.unit,
         'samples': [sample(s) for s in f.samples]} for f in families]}

print(json.dumps([read(body) for body in json.load(sys.stdin)]))
`

export function parseWithPython(bodies: readonly string[]): PythonResult[] {
  const { status, stdout, stderr } = spawnSync(needProgram('python3'), ['-c', PROGRAM], {
    input: JSON.stringify(bodies),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout, (key, value: unknown) =>
    (key === 'value' || key === 'seconds') && typeof value === 'string' ? toNumber(value) : value,
  ) as PythonResult[]
}

function toNumber(text: string): number {
  if (text.endsWith('inf')) return text.startsWith('-') ? -Infinity : Infinity
  return Number(text)
}
