/** Results as JUnit XML, the form that build servers read (https://github.com/testmoapp/junitxml). */
import type { Fault } from '@quadrille/record';

export interface TestResult {
  /** A rule or case file, as people see it. */
  file: string;
  name: string;
  faults: readonly Fault[];
  milliseconds: number;
}

export function junit(flow: string, results: readonly TestResult[]): string {
  const files = [...new Set(results.map(({ file }) => file))];
  const suites = files.map((file) => {
    const own = results.filter((result) => result.file === file);
    return `  <testsuite ${counts(file, own)}>\n${own.map(testCase).join('\n')}\n  </testsuite>`;
  });
  const whole = `<testsuites ${counts(flow, results)}>\n${suites.join('\n')}\n</testsuites>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${whole}\n`;
}

function counts(name: string, results: readonly TestResult[]): string {
  const failures = results.filter(({ faults }) => faults.length > 0).length;
  const seconds = results.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  return `name="${escaped(name)}" tests="${results.length}" failures="${failures}" errors="0" time="${seconds.toFixed(3)}"`;
}

function testCase({ file, name, faults, milliseconds }: TestResult): string {
  const head = `    <testcase classname="${escaped(file)}" name="${escaped(name)}" time="${(milliseconds / 1000).toFixed(3)}"`;
  if (faults.length === 0) return `${head}/>`;
  const text = faults.map((fault) => fault.format()).join('\n');
  return `${head}>\n      <failure message="${escaped(faults[0]!.message)}">${escaped(text)}</failure>\n    </testcase>`;
}

// XML 1.0 has no way to write most control characters.
const escaped = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those that XML does not allow
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
