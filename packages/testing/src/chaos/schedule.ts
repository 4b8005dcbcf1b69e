/**
 * What is done to a flow, and when: drawn from a seed. Moments are points of a station's own progress, not of a clock,
 * so that every blow falls while records are flowing, however fast the machine is.
 */
import type { StationKind } from '@quadrille/flow';
import type { Kind } from './options.ts';

export interface Disturbance {
  kind: Kind;
  /** The station that is hurt; for servers, the one whose progress gives the moment. */
  station: string;
  /** Share of that station's records that it has behind it, 0 to 1. */
  at: number;
  /** Waits so long after that moment, so that the blow falls anywhere within a round, ms. */
  delayMs: number;
  /** How long a server is away, a process stands still, or a second instance takes part, ms. */
  forMs: number;
  /** Servers: `kill` as kill -9, `stop` in order. Zombies: which instance leaves in the end, the `old` or the `new` one. */
  how: 'kill' | 'stop' | 'old' | 'new';
  /** Which of several brokers. */
  broker: number;
}

/** The one station of each kind that is hurt. */
export type Victims = Readonly<Record<StationKind, string>>;

export interface ScheduleOptions {
  seed: number;
  victims: Victims;
  brokers: 1 | 3;
  short: boolean;
  only: readonly Kind[];
  /** Every station is killed three times, also in the short form: one kill may fall where nothing can be lost. */
  commitFirst?: boolean;
  /** A process must stand still for longer than this to lose its partitions, ms. */
  sessionTimeoutMs: number;
}

/** Blows fall within this share of a station's records: not before it works, not when little is left. */
const FROM = 0.04;
const TO = 0.8;
/** In the short form: a month has gone by in a second or two on a fast machine, and so it would before a later blow falls. */
const SHORT_TO = 0.45;

/** The same for the same options, in the order of `at`. */
export function drawSchedule(options: ScheduleOptions): Disturbance[] {
  const { victims, brokers, short, only, sessionTimeoutMs } = options;
  const random = mulberry32(options.seed);
  const between = (low: number, high: number): number => low + random() * (high - low);
  const all: Disturbance[] = [];
  const to = short ? SHORT_TO : TO;
  /** Spreads `count` moments: one in each of as many equal shares of the progress. */
  const add = (kind: Kind, station: string, count: number, more: () => Partial<Disturbance>): void => {
    for (let i = 0; i < count; i++) {
      const share = (to - FROM) / count;
      const at = FROM + share * (i + random());
      // Drawn also when left out by --only: the others stay as they are.
      const drawn = {
        kind,
        station,
        at,
        delayMs: Math.round(between(0, 250)),
        forMs: 0,
        how: 'kill',
        broker: 0,
        ...more(),
      } as const;
      if (only.includes(kind)) all.push(drawn);
    }
  };

  for (const station of Object.values(victims)) add('kill', station, short && !options.commitFirst ? 1 : 3, () => ({}));

  const kinds = shuffled(Object.keys(victims) as StationKind[], random);
  const drawn: StationKind = random() < 0.5 ? 'transformer' : 'loader';
  // In the short form the loader gets company, and one of the two is enough: what follows a long one comes too late.
  const first = short ? 'transformer' : drawn;
  const zombies = [first, ...kinds.filter((kind) => kind !== first)].slice(0, short ? 1 : 2);
  for (const kind of zombies) {
    add('pause', victims[kind], 1, () => ({
      forMs: Math.round(sessionTimeoutMs + between(2_000, 4_000)),
      how: random() < 0.5 ? 'old' : 'new',
    }));
  }
  for (const kind of short ? (['loader'] as const) : (['transformer', 'loader'] as const)) {
    add('join', victims[kind], 1, () => ({
      forMs: Math.round(between(1_500, 5_000)),
      how: random() < 0.5 ? 'old' : 'new',
    }));
  }

  const away = (): Partial<Disturbance> => ({
    forMs: Math.round(between(500, 5_000)),
    how: random() < 0.5 ? 'kill' : 'stop',
    broker: Math.floor(random() * brokers),
  });
  // All servers are timed by the last station of the chain: while it works, the others do or wait for it.
  add('broker', victims.loader, short ? 1 : 2, away);
  add('leaders', victims.loader, brokers === 1 ? 0 : short ? 1 : 3, away);
  if (!short) add('registry', victims.loader, 1, away);
  if (!short) add('database', victims.loader, 2, away);
  return (short ? killsFirst(all) : all).sort((a, b) => a.at - b.at);
}

/**
 * Exchanges moments so that what is done to a station begins with its kills: a killed station stands still until the
 * next blow, while one that has an heir may come to the end before it.
 */
function killsFirst(all: readonly Disturbance[]): Disturbance[] {
  const isLong = ({ kind }: Disturbance): boolean => kind === 'pause' || kind === 'join';
  return all.map((each) => {
    if (each.kind !== 'kill' && !isLong(each)) return each;
    const own = all.filter((other) => other.station === each.station && (other.kind === 'kill' || isLong(other)));
    const moments = own.map(({ at }) => at).sort((a, b) => a - b);
    const turn = [...own.filter((other) => !isLong(other)), ...own.filter(isLong)].indexOf(each);
    return { ...each, at: moments[turn]! };
  });
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/** A small seeded generator, numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
