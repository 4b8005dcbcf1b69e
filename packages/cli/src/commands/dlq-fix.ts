/** `quadrille dlq fix`: many dead letters corrected by one rule. */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '@quadrille/record';
import type { CorrectionResult, DeadLetterDetail, DeadLetterWithValue } from '@quadrille/replay/api';
import { type Command, text, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { formatOf, toJson } from '../print/output.ts';
import { count } from '../print/values.ts';
import { changeLines, changesOf } from '../replay/difference.ts';
import { correctionBySql, openCorrectionRule } from '../replay/rule.ts';
import { isUnbounded, NAMES, queryOf, SELECTION_OPTIONS, selected } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

/** Dead letters that are worked on at once. */
const BATCH = 500;
const SHOWN = 20;

interface Tally {
  seen: number;
  changed: number;
  unchanged: number;
  accepted: number;
  refused: { id: string; code: string; message: string }[];
}

export const dlqFix: Command = {
  path: 'dlq fix',
  summary: 'correct many dead letters by one rule',
  description:
    'Without --execute the differences are shown. The rule is a file as flows use them, TypeScript or SQL, a JSON Patch, or SQL on the command line; it runs here. A record on which it throws is listed and left alone. Send the corrections with `dlq replay --state corrected`. Ends with 3 when some were refused.',
  arguments: [['[NAME...]', NAMES]],
  options: [
    ...SELECTION_OPTIONS,
    ['--rule <file>', 'rule.ts, rule.sql, or patch.json (RFC 6902)'],
    ['--sql <fields>', 'instead of a file: fields as SQL makes them, e.g. "upper(trim(dest)) AS dest"'],
    ['--limit <n>', 'at most so many'],
    ['--reason <text>', 'why; stands in the audit'],
    ['--execute', 'keep the corrections; without, only the differences are shown'],
    ['--yes', 'yes, all of them: needed with --execute where no condition is named'],
  ],
  lists: true,
  examples: [
    'dlq fix --code FIELD_INVALID --rule mend.ts',
    `dlq fix --code LOOKUP_MISSING --sql "CASE dest WHEN 'SJX' THEN 'SJU' ELSE dest END AS dest"`,
    'dlq fix --group 9b1c --rule patch.json --reason "wrong code" --execute',
  ],
  run: async (context, words, options) => {
    const [file, sql] = [text(options, 'rule'), text(options, 'sql')];
    if ((file === undefined) === (sql === undefined))
      throw new Fault('USAGE', 'either --rule or --sql is needed', { help: 'e.g. --rule mend.ts' });
    const execute = options.execute === true;
    const json = ['json', 'jsonl'].includes(formatOf(options));
    const rule = file === undefined ? correctionBySql(sql!) : openCorrectionRule(file, context.cwd);
    const tally: Tally = { seen: 0, changed: 0, unchanged: 0, accepted: 0, refused: [] };
    try {
      await withReplay(context, async (client) => {
        const selection = await selected(client, words, options);
        if (execute && isUnbounded(selection) && options.yes !== true) throw new Fault('SELECTION_UNBOUNDED', '');
        const query = { ...queryOf({ states: ['open', 'corrected'], ...selection }), values: true };
        // Corrections change what is listed: all are read before the first is kept.
        const letters = await Array.fromAsync(
          client.all<DeadLetterWithValue>('/v1/dead-letters', query, wholeNumber(options, 'limit', 1)),
        );
        const schemas = new Map<number | null, unknown>();
        for (let i = 0; i < letters.length; i += BATCH) {
          const bySchema = Map.groupBy(letters.slice(i, i + BATCH), ({ schemaId }) => schemaId);
          for (const [schemaId, batch] of bySchema) {
            if (!schemas.has(schemaId))
              schemas.set(schemaId, (await client.get<DeadLetterDetail>(`/v1/dead-letters/${batch[0]!.id}`)).schema);
            await fix(batch, schemas.get(schemaId));
          }
          if (letters.length > BATCH)
            context.err(`${count(Math.min(letters.length, i + BATCH))} of ${count(letters.length)}`);
        }

        async function fix(batch: DeadLetterWithValue[], schema: unknown): Promise<void> {
          const mended = await rule.apply(
            schema,
            batch.map(({ value }) => value),
          );
          const items: { deadLetter: string; edition: number; value: unknown }[] = [];
          for (const [at, letter] of batch.entries()) {
            const result = mended[at]!;
            tally.seen++;
            if ('problem' in result) refuse(letter.id, result.problem);
            else if (isDeepStrictEqual(letter.value, result.value)) tally.unchanged++;
            else {
              tally.changed++;
              if (!json && tally.changed <= SHOWN)
                context.out(`${letter.id}  ${changeLines(changesOf(letter.value, result.value)).join('; ')}\n`);
              items.push({ deadLetter: letter.id, edition: letter.edition, value: result.value });
            }
          }
          if (items.length === 0) return;
          const reason = text(options, 'reason') ?? (file === undefined ? `sql ${sql}` : `rule ${file}`);
          const answer = await client.post<CorrectionResult>('/v1/corrections', { items, reason, execute });
          tally.accepted += answer.accepted;
          for (const { deadLetter, fault } of answer.problems) refuse(deadLetter, fault);
        }
      });
    } finally {
      await rule.close();
    }
    if (json) context.out(`${toJson(tally, 2)}\n`);
    else context.out(`${summary(tally, execute)}\n`);
    if (!execute) context.err('nothing was changed; --execute keeps the corrections');
    else if (tally.accepted > 0) context.err('send them with `quadrille dlq replay --state corrected --execute`');
    return tally.refused.length > 0 ? EXIT.partly : EXIT.done;

    function refuse(id: string, { code, message }: { code: string; message: string }): void {
      tally.refused.push({ id, code, message });
      if (!json && tally.refused.length <= SHOWN) context.out(`${id}  left alone, ${code}: ${message}\n`);
    }
  },
};

function summary({ seen, changed, unchanged, accepted, refused }: Tally, execute: boolean): string {
  const parts = [
    `${count(seen)} dead letters`,
    execute ? `${count(accepted)} corrected` : `${count(changed)} would change`,
    `${count(unchanged)} as they were`,
    `${count(refused.length)} left alone`,
  ];
  return parts.join(', ');
}
