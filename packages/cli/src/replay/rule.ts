/**
 * Corrections by rule: a rule file as flows use them (TypeScript or SQL), or a JSON Patch (RFC 6902). It runs here, with the
 * operator; the service only checks what comes out.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Field, fieldsOf, loadRules, type ReadyRule, valueFromJson, valueToJson } from '@quadrille/flow';
import { Drop, Fault } from '@quadrille/record';
import { applyPatch, type Operation } from 'rfc6902';

/** What the rule makes of one value: another one as JSON, or why it makes none. */
export type Mended = { value: unknown } | { problem: Fault };

export interface CorrectionRule {
  /** One answer for each, in order. @param schema of all of them. */
  apply(schema: unknown, values: readonly unknown[]): Promise<Mended[]>;
  close(): Promise<void>;
}

/** @throws Fault, Faults: RULE_INVALID, SQL_INVALID, ANSWER_INVALID */
export function openCorrectionRule(file: string, cwd: string): CorrectionRule {
  return file.endsWith('.json') ? patchRule(file, cwd) : codeRule(resolve(cwd, file), cwd);
}

/**
 * @param fields select list over `input`; fields that it does not name stay as they are.
 * @throws Fault SQL_INVALID from `apply`
 */
export function correctionBySql(fields: string): CorrectionRule {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-fix-'));
  const file = join(folder, 'fix.sql');
  writeFileSync(file, `-- rule: fix\n-- doc: A correction.\nSELECT row,\n${fields}\nFROM input\n`, { mode: 0o600 });
  const rule = codeRule(file, folder);
  return {
    apply: rule.apply,
    close: async () => {
      await rule.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function codeRule(file: string, folder: string): CorrectionRule {
  const opened = new Map<string, Promise<ReadyRule>>();
  const ruleFor = (schema: unknown): Promise<ReadyRule> => {
    const key = JSON.stringify(schema);
    const fields: readonly Field[] = fieldsOf(schema);
    const rule =
      opened.get(key) ?? loadRules([file], { folder, input: fields, output: fields }).then(([first]) => first!);
    opened.set(key, rule);
    return rule;
  };
  return {
    async apply(schema, values) {
      const rule = await ruleFor(schema);
      const given = values.map((json) => valueFromJson(schema, json));
      const fit = given.flatMap(({ value, problems }) =>
        problems.length === 0 ? [value as Record<string, unknown>] : [],
      );
      const results = fit.length === 0 ? [] : await rule.apply(fit);
      let next = 0;
      return given.map(({ problems }): Mended => {
        if (problems.length > 0)
          return {
            problem: new Fault(
              'RULE_RESULT',
              `its value is not of the schema: ${problems[0]!.path} ${problems[0]!.message}`,
            ),
          };
        const result = results[next++]!;
        if (result instanceof Fault) return { problem: result };
        if (result instanceof Drop)
          return {
            problem: new Fault('RULE_RESULT', `dropped (${result.code})`, {
              help: 'set it aside with `quadrille dlq discard`',
            }),
          };
        if (Array.isArray(result)) return { problem: new Fault('RULE_RESULT', 'a correction is one record') };
        return { value: valueToJson(schema, result) };
      });
    },
    close: async () => {
      for (const rule of opened.values()) await (await rule.catch(() => undefined))?.close();
    },
  };
}

function patchRule(file: string, cwd: string): CorrectionRule {
  const help = 'a JSON Patch is a list of operations, e.g. [{"op":"replace","path":"/dest","value":"JFK"}]';
  let patch: Operation[];
  try {
    patch = JSON.parse(readFileSync(resolve(cwd, file), 'utf8')) as Operation[];
  } catch (error) {
    throw new Fault('RULE_INVALID', (error as Error).message, { place: file, help });
  }
  if (!Array.isArray(patch)) throw new Fault('RULE_INVALID', 'no JSON Patch', { place: file, help });
  for (const [at, each] of patch.entries())
    if (!isOperation(each)) throw new Fault('RULE_INVALID', `operation ${at + 1} is none`, { place: file, help });
  return {
    async apply(_, values) {
      return values.map((json) => {
        const value = structuredClone(json);
        const failed = applyPatch(value, patch).find((each) => each !== null);
        return failed == null ? { value } : { problem: new Fault('RULE_THREW', failed.message, { place: file }) };
      });
    },
    close: async () => {},
  };
}

const OPERATIONS = ['add', 'remove', 'replace', 'move', 'copy', 'test'];
/** JSON Pointer, RFC 6901. */
const isPointer = (text: unknown): boolean => typeof text === 'string' && (text === '' || text.startsWith('/'));

const isOperation = (each: Partial<Record<'op' | 'path' | 'from', unknown>> | null): boolean =>
  OPERATIONS.includes(String(each?.op)) &&
  isPointer(each?.path) &&
  (['move', 'copy'].includes(String(each?.op)) ? isPointer(each?.from) : true);
