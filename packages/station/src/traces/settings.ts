/**
 * What the environment says of traces, by OpenTelemetry's own variables
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Those of the exporter itself
 * (endpoint, timeout, compression, certificates) the exporter reads.
 */
type Environment = Readonly<Record<string, string | undefined>>;
type Wrong = (place: string, what: string, help: string) => undefined;

export interface TraceSettings {
  /** Share of the records that enter a flow whose way is traced, 0 to 1. */
  ratio: number;
  /** Sent with every export; may hold secrets. */
  headers: Record<string, string>;
  /** Spans that wait for an export at most; beyond it they are dropped. */
  queue: number;
  /** Spans of an export. */
  batch: number;
  delayMs: number;
  timeoutMs: number;
}

/** May hold a token: taken out of the environment that rules see. */
export const TRACE_SECRETS = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'];

/** One in a thousand: the SDK's own default, all of them, would make a span a record and station. */
const DEFAULT_RATIO = 0.001;
const ALWAYS: Readonly<Record<string, number>> = {
  always_on: 1,
  always_off: 0,
  parentbased_always_on: 1,
  parentbased_always_off: 0,
};
const BY_RATIO = ['traceidratio', 'parentbased_traceidratio'];

/** @returns undefined where nobody asked for traces: then nothing of OpenTelemetry is loaded. */
export function readTraceSettings(env: Environment, wrong: Wrong): TraceSettings | undefined {
  const exporter = env.OTEL_TRACES_EXPORTER?.trim();
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || exporter === 'none' || !(exporter || endpoint))
    return undefined;
  if (exporter && exporter !== 'otlp')
    wrong('OTEL_TRACES_EXPORTER', `${JSON.stringify(exporter)} is not an exporter of this service`, 'otlp or none');
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    wrong('OTEL_EXPORTER_OTLP_ENDPOINT', 'is not an address', 'e.g. http://127.0.0.1:4318');
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf';
  if (protocol !== 'http/protobuf')
    wrong(
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      `${JSON.stringify(protocol)} is not spoken`,
      'http/protobuf, which collectors take at port 4318',
    );
  const number = (name: string, fallback: number): number => {
    const value = Number(env[name] || fallback);
    if (Number.isInteger(value) && value > 0) return value;
    wrong(name, `${JSON.stringify(env[name])} is not a whole number above 0`, 'correct it or leave it out');
    return fallback;
  };
  const queue = number('OTEL_BSP_MAX_QUEUE_SIZE', 2_048);
  return {
    ratio: ratioOf(env, wrong),
    headers: headersOf(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS || env.OTEL_EXPORTER_OTLP_HEADERS || ''),
    queue,
    batch: Math.min(queue, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512)),
    delayMs: number('OTEL_BSP_SCHEDULE_DELAY', 5_000),
    timeoutMs: number('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
  };
}

function ratioOf(env: Environment, wrong: Wrong): number {
  const { OTEL_TRACES_SAMPLER: sampler = '', OTEL_TRACES_SAMPLER_ARG: argument = '' } = env;
  if (sampler in ALWAYS) return ALWAYS[sampler]!;
  if (sampler !== '' && !BY_RATIO.includes(sampler))
    wrong(
      'OTEL_TRACES_SAMPLER',
      `${JSON.stringify(sampler)} is not a sampler`,
      `one of ${[...Object.keys(ALWAYS), ...BY_RATIO].join(', ')}`,
    );
  // As OpenTelemetry has it: by ratio without a ratio is all of them.
  const ratio = argument === '' ? (sampler === '' ? DEFAULT_RATIO : 1) : Number(argument);
  if (ratio >= 0 && ratio <= 1) return ratio;
  wrong('OTEL_TRACES_SAMPLER_ARG', `${JSON.stringify(argument)} is not a number from 0 to 1`, 'e.g. 0.001');
  return DEFAULT_RATIO;
}

/** `name=value,name=value`, values percent-encoded. Never quoted in what is said of it. */
const headersOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(',')
      .map((pair) => /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair))
      .filter((found) => found !== null)
      .map(([, name, value]) => [name!, decoded(value!)]),
  );

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
