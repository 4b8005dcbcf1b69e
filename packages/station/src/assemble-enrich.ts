export async function enrich(): Promise<never> {
  throw new Error('pending');
}
