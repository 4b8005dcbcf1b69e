/** Parquet files for tests. */
import { DuckDBInstance } from '@duckdb/node-api';

/** Writes what a query gives. @param options of DuckDB's COPY, e.g. `ROW_GROUP_SIZE 2048` */
export async function parquetOf(file: string, query: string, options = ''): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const more = options === '' ? '' : `, ${options}`;
    await connection.run(`COPY (${query}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet${more})`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
