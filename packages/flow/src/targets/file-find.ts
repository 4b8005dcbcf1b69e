/** The newest version of an id: files by DuckDB, all of them; logs by themselves. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { FoundRow } from '../target.ts';
import { readLog } from './file-log.ts';
import { parseRange } from './file-ranges.ts';

const COLUMNS = "{ _id: 'VARCHAR', _version: 'VARCHAR', _revision: 'INTEGER', _deleted: 'BOOLEAN', _offset: 'BIGINT' }";

/** By the first part of the ending; $files is the list of paths. */
const READERS: Readonly<Record<string, string>> = {
  '.ndjson': `read_json($files, format = 'newline_delimited', columns = ${COLUMNS}, filename = true)`,
  '.csv': `read_csv($files, header = true, all_varchar = true, union_by_name = true, filename = true)`,
  '.parquet': `read_parquet($files, union_by_name = true, filename = true)`,
};

/**
 * @param folders of partitions. @param ending of the files that are read.
 * @throws what the file system or DuckDB throws.
 */
export async function findInFolders(
  folders: readonly string[],
  ending: string,
  id: string,
): Promise<FoundRow | undefined> {
  const files: string[] = [];
  let best: FoundRow | undefined;
  for (const folder of folders) {
    for (const name of await readdir(folder)) {
      if (name.endsWith(ending) && parseRange(name)?.isSealed === false) files.push(join(folder, name));
      else if (/^\.(open|taken|sealed)-/.test(name)) {
        const log = await readFile(join(folder, name)).catch(() => undefined);
        for (const row of (log && readLog(log)?.rows) ?? [])
          if (row.id === id) best = newer(best, { ...row, ...inputOf(folder), deleted: row.bytes === null });
      }
    }
  }
  const inFiles = await findInFiles(files, id);
  return inFiles === undefined ? best : newer(best, inFiles);
}

function newer(a: FoundRow | undefined, { version, revision, topic, partition, offset, deleted }: FoundRow): FoundRow {
  const b = { version, revision, topic, partition, offset, deleted };
  if (a === undefined) return b;
  const rank = Number(b.version - a.version) || b.revision - a.revision || b.offset - a.offset;
  return rank > 0 ? b : a;
}

/** The input that a folder is of. */
const inputOf = (folder: string): Pick<FoundRow, 'topic' | 'partition'> => ({
  topic: basename(dirname(folder)),
  partition: Number(basename(folder).replace('partition=', '')),
});

/**
 * @param files paths `…/<topic>/partition=<n>/<range>.<ending>`, all of one format.
 * @throws what DuckDB throws.
 */
async function findInFiles(files: readonly string[], id: string): Promise<FoundRow | undefined> {
  const [first] = files;
  const reader = first && READERS[/\.[a-z]+/.exec(basename(first))?.[0] ?? ''];
  if (reader === undefined) return undefined;
  const database = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MB' });
  const connection = await database.connect();
  try {
    const list = `[${files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ')}]`;
    const result = await connection.runAndReadAll(
      `SELECT CAST(_version AS BIGINT) AS version, CAST(_revision AS INTEGER) AS revision,
              CAST(_deleted AS BOOLEAN) AS deleted, CAST(_offset AS BIGINT) AS "offset", filename
       FROM ${reader.replace('$files', list)} WHERE _id = $id ORDER BY version DESC, revision DESC, "offset" DESC LIMIT 1`,
      { id },
    );
    const [row] = result.getRowObjectsJS() as unknown as {
      version: bigint;
      revision: number;
      deleted: boolean;
      offset: bigint;
      filename: string;
    }[];
    if (row === undefined) return undefined;
    const { version, revision, deleted, offset, filename } = row;
    return { version, revision, deleted, offset: Number(offset), ...inputOf(dirname(filename)) };
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}
