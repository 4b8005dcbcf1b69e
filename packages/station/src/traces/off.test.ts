import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const STATION = new URL('../index.ts', import.meta.url).href;

/** What of OpenTelemetry a process loads that opens its traces with this environment. */
function loaded(env: Record<string, string>): string[] {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ resolve(name, context, next) {
      // prom-client imports the API, which does nothing by itself.
      if (name.startsWith('@opentelemetry/') && name !== '@opentelemetry/api') loaded.push(name);
      return next(name, context);
    } });
    const { openTraces, readTraceSettings, createLog } = await import(${JSON.stringify(STATION)});
    const service = { name: 'f.s', instance: 'i', version: '1', attributes: {} };
    const traces = await openTraces(readTraceSettings(process.env, () => undefined), service, createLog({}, 'silent'));
    await traces?.close();
    console.log(JSON.stringify(loaded));`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const { PATH = '' } = process.env;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd,
      encoding: 'utf8',
      env: { PATH, ...env },
    }),
  );
}

test('a process that nobody asked for traces loads nothing of the SDK', () => {
  assert.deepEqual(loaded({}), []);
  assert.ok(loaded({ OTEL_TRACES_EXPORTER: 'otlp' }).length > 0, 'it would be seen');
});
