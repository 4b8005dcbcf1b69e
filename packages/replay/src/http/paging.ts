/** Page sizes. */
import type { PageOf } from './backend.ts';

const PAGE = 100;

export const pageOf = ({ limit, cursor }: { limit?: number | undefined; cursor?: string | undefined }): PageOf => ({
  limit: limit ?? PAGE,
  cursor,
});
