import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTraceSettings } from './settings.ts';

const read = (env: Record<string, string>) => {
  const said: string[] = [];
  const settings = readTraceSettings(env, (place, what) => void said.push(`${place} ${what}`));
  return { settings, said };
};

test('traces are off unless somebody asks for them', () => {
  assert.equal(read({}).settings, undefined);
  assert.equal(
    read({ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }).settings,
    undefined,
  );
  assert.equal(read({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }).settings, undefined);
  assert.equal(read({ OTEL_TRACES_SAMPLER_ARG: '1' }).settings, undefined);
  assert.notEqual(read({ OTEL_TRACES_EXPORTER: 'otlp' }).settings, undefined);
  assert.notEqual(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }).settings, undefined);
});

test('which share is traced', () => {
  const ratio = (env: Record<string, string>) => read({ OTEL_TRACES_EXPORTER: 'otlp', ...env }).settings?.ratio;
  assert.equal(ratio({}), 0.001);
  assert.equal(ratio({ OTEL_TRACES_SAMPLER_ARG: '0.25' }), 0.25);
  assert.equal(ratio({ OTEL_TRACES_SAMPLER: 'traceidratio' }), 1);
  assert.equal(ratio({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }), 0.5);
  assert.equal(ratio({ OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.5' }), 1);
  assert.equal(ratio({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }), 0);
});

test('headers are taken apart as OpenTelemetry has them', () => {
  const env = {
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a%3D, x-team = b=c ,odd',
  };
  assert.deepEqual(read(env).settings?.headers, { authorization: 'Bearer a=', 'x-team': 'b=c' });
});

test('everything that is wrong is said at once, without what may be secret', () => {
  const { said } = read({
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:s3cret',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '2',
    OTEL_BSP_MAX_QUEUE_SIZE: 'many',
  });
  assert.deepEqual(
    said.map((each) => each.split(' ')[0]),
    [
      'OTEL_TRACES_EXPORTER',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_BSP_MAX_QUEUE_SIZE',
      'OTEL_TRACES_SAMPLER',
      'OTEL_TRACES_SAMPLER_ARG',
    ],
  );
  assert.doesNotMatch(said.join(), /s3cret/);
});
