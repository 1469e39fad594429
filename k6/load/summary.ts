import { text } from './settings.ts';

interface MetricData {
  type: string;
  values: Record<string, number>;
  thresholds?: Record<string, { ok: boolean }>;
}

/** What k6 gives to `handleSummary`, as far as it is used. */
export interface SummaryData {
  metrics?: Record<string, MetricData>;
  state?: { testRunDurationMs?: number };
}

/** Title, metric, and what of it is shown. */
const rows: [string, string][] = [
  ['delivery latency', 'monstera_delivery'],
  ['send to answer', 'monstera_ack'],
  ['connect until live', 'monstera_connect'],
  ['away until live again', 'monstera_reconnect'],
  ['HTTP request', 'http_req_duration'],
  ['messages sent', 'monstera_sends'],
  ['deliveries', 'monstera_deliveries'],
  ['caught up with', 'monstera_resumed'],
  ['gaps', 'monstera_gaps'],
  ['duplicates', 'monstera_duplicates'],
  ['lost', 'monstera_lost'],
  ['cursors not known', 'monstera_resets'],
  ['fell behind, were told', 'monstera_gaps_told'],
  ['connections lost', 'monstera_disconnects'],
  ['connections moved', 'monstera_moved'],
  ['connections refused', 'monstera_refused'],
  ['broken iterations', 'monstera_broken'],
  ['dropped iterations', 'dropped_iterations'],
  ['errors', 'monstera_errors'],
  ['HTTP errors', 'http_req_failed'],
  ['checks', 'checks'],
];

/** For `handleSummary`: the table on the screen, and all of it as JSON in the file that LOAD_SUMMARY names. */
export function summarize(scenario: string, data: SummaryData): Record<string, string> {
  const metrics = data.metrics ?? {};
  const judged = Object.entries(metrics).flatMap(([name, metric]) =>
    Object.entries(metric.thresholds ?? {}).map(([threshold, { ok }]) => ({ metric: name, threshold, ok })));
  const failed = judged.filter(({ ok }) => !ok);
  const lines = [
    '',
    `Monstera, ${scenario}: ${failed.length === 0 ? 'passed' : 'FAILED'} (${judged.length - failed.length} of ${judged.length} thresholds hold)`,
    ...rows.flatMap(([title, name]) => (metrics[name] ? [`  ${title.padEnd(24)}${valuesOf(metrics[name])}`] : [])),
    ...failed.map(({ metric, threshold }) => `  crossed: ${metric} ${threshold}`),
    '',
  ];

  const file = text('LOAD_SUMMARY', '');
  const output: Record<string, string> = { stdout: lines.join('\n') };
  const report = { scenario, passed: failed.length === 0, thresholds: judged, metrics: plain(metrics), durationMs: data.state?.testRunDurationMs };
  if (file !== '') output[file] = JSON.stringify(report, null, 2);
  return output;
}

function valuesOf({ type, values }: MetricData): string {
  if (type === 'trend') return ['med', 'p(95)', 'p(99)', 'max'].map((key) => `${key} ${shown(values[key], 1)} ms`).join('  ');
  if (type === 'rate') return `${shown((values['rate'] ?? NaN) * 100, 3)} %  (${shown(values['passes'], 0)} of ${shown((values['passes'] ?? NaN) + (values['fails'] ?? NaN), 0)})`;
  return shown(values['count'] ?? values['value'], 0);
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined || !isFinite(value) ? '–' : value.toFixed(digits);
}

/** Without what k6 adds to a metric for its own summary. */
function plain(metrics: Record<string, MetricData>): Record<string, MetricData['values']> {
  return Object.fromEntries(Object.entries(metrics).map(([name, { values }]) => [name, values]));
}
