/** `-o table|wide|json|jsonl`: the same rows for people and for programs. */
import { Fault } from '@quadrille/record';
import type { Context, Options } from '../command.ts';
import { type Column, tableLines } from './table.ts';

export const FORMATS = ['table', 'wide', 'json', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** @throws Fault USAGE */
export function formatOf(options: Options): Format {
  const given = options.output ?? 'table';
  if ((FORMATS as readonly unknown[]).includes(given)) return given as Format;
  throw new Fault('USAGE', `-o ${given}`, { help: `one of ${FORMATS.join(', ')}` });
}

/** bigint as text, bytes as base64: JSON has neither. */
export const toJson = (value: unknown, indent?: number): string =>
  JSON.stringify(
    value,
    (_, part: unknown) => {
      if (typeof part === 'bigint') return part.toString();
      const bytes = part as { type?: string; data?: number[] } | null;
      return bytes?.type === 'Buffer' && Array.isArray(bytes.data) ? Buffer.from(bytes.data).toString('base64') : part;
    },
    indent,
  );

/** Rows as the user asked for them. `empty` is said on stderr where a table would have no rows. */
export function printRows<Row>(
  context: Context,
  options: Options,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  empty = 'nothing found',
): void {
  const format = formatOf(options);
  if (format === 'json') context.out(`${toJson(rows, 2)}\n`);
  else if (format === 'jsonl') for (const row of rows) context.out(`${toJson(row)}\n`);
  else if (rows.length === 0) context.err(empty);
  else context.out(`${tableLines(columns, rows, format === 'wide').join('\n')}\n`);
}
