/** A push as a nightly job makes it: ten families, twenty samples, about 1.6 kB. */

export function typicalPush(): string {
  const integer = (): string => String(Math.floor(Math.random() * 1e6))
  const decimal = (): string => (Math.random() * 1000).toFixed(3)
  const family = (name: string, type: string, help: string, lines: string[]): string =>
    [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...lines.map((line) => name + line),
      '',
    ].join('\n')
  return [
    family('job_duration_seconds', 'gauge', 'Wall clock time of the last run.', [` ${decimal()}`]),
    family('job_last_success_timestamp_seconds', 'gauge', 'When the job last succeeded.', [
      ` 1.7${integer()}e+09`,
    ]),
    family('job_records_total', 'counter', 'Records handled, by outcome.', [
      `{outcome="ok"} ${integer()}`,
      `{outcome="failed"} ${integer()}`,
      `{outcome="skipped"} ${integer()}`,
    ]),
    family('job_bytes_total', 'counter', 'Bytes moved, by direction.', [
      `{direction="in"} ${integer()}`,
      `{direction="out"} ${integer()}`,
    ]),
    family('job_stage_seconds', 'gauge', 'Time by stage.', [
      `{stage="extract"} ${decimal()}`,
      `{stage="transform"} ${decimal()}`,
      `{stage="load"} ${decimal()}`,
    ]),
    family('job_errors_total', 'counter', 'Errors by kind.', [
      `{kind="timeout",retryable="true"} ${integer()}`,
      `{kind="parse",retryable="false"} ${integer()}`,
    ]),
    family('job_memory_peak_bytes', 'gauge', 'Largest resident memory.', [` ${integer()}`]),
    family('job_exit_code', 'gauge', 'Exit status.', [' 0']),
    family('job_step_seconds', 'summary', 'Times of single steps.', [
      `{quantile="0.5"} ${decimal()}`,
      `{quantile="0.99"} ${decimal()}`,
      `_sum ${decimal()}`,
      `_count ${integer()}`,
    ]),
    family('job_info', 'gauge', 'What ran.', ['{version="1.2.3",commit="abcdef0"} 1']),
  ].join('')
}
