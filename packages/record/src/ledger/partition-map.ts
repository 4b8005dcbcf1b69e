/** The value of a key, made when it is not there. */
export function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** A value per topic and partition, looked up without building a key. */
export class PartitionMap<T> {
  #topics = new Map<string, (T | undefined)[]>();

  get(topic: string, partition: number): T | undefined {
    return this.#topics.get(topic)?.[partition];
  }

  getOrMake(topic: string, partition: number, make: () => T): T {
    const partitions = getOrMake(this.#topics, topic, () => []);
    partitions[partition] ??= make();
    return partitions[partition];
  }

  topics(): Iterable<string> {
    return this.#topics.keys();
  }

  /** In order of partitions. */
  *of(topic: string): Generator<[number, T]> {
    for (const [partition, value] of this.#topics.get(topic)?.entries() ?? []) {
      if (value !== undefined) yield [partition, value];
    }
  }

  *[Symbol.iterator](): Generator<[string, number, T]> {
    for (const topic of this.#topics.keys())
      for (const [partition, value] of this.of(topic)) yield [topic, partition, value];
  }
}
