-- State of the replay service. Everything here is made of Kafka's topics and can be made of them again.

-- How far each topic has been taken in; written in the transaction that takes in.
create table followed (
  topic text not null,
  partition integer not null,
  next bigint not null,
  primary key (topic, partition)
);

-- Every part of the ledger. Live: on the chain that ends at the committed part.
create table ledger_part (
  ledger_partition integer not null,
  ledger_offset bigint not null,
  part integer not null,
  flow text not null,
  station text not null,
  instance text not null,
  at timestamptz not null,
  kind text not null,
  topic text not null,
  partition integer not null,
  from_offset bigint not null,
  to_offset bigint not null,
  commit_offset bigint not null,
  pass bigint not null,
  dropped bigint not null,
  rejected bigint not null,
  outputs bigint not null,
  -- VerdictRun[], Claim[], Outcomes, OutcomeRun[] of @quadrille/record.
  runs jsonb not null,
  claims jsonb not null,
  outcomes jsonb,
  outcome_runs jsonb not null,
  prev_partition integer,
  prev_offset bigint,
  prev_part integer,
  live boolean not null default false,
  primary key (ledger_partition, ledger_offset, part)
);
create index ledger_part_chain on ledger_part (flow, station, topic, partition, from_offset) where live;
create index ledger_part_at on ledger_part (flow, station, at) where live;
create index ledger_part_pending on ledger_part (flow, station, topic, partition) where not live;

-- The committed end of each chain, as last seen.
create table chain (
  flow text not null,
  station text not null,
  topic text not null,
  partition integer not null,
  committed bigint not null,
  tip_partition integer,
  tip_offset bigint,
  tip_part integer,
  primary key (flow, station, topic, partition)
);

-- Rejects of live parts: consecutive records, consecutive dead letters.
create table rejected_run (
  topic text not null,
  partition integer not null,
  from_offset bigint not null,
  to_offset bigint not null,
  flow text not null,
  station text not null,
  input_topic text not null,
  input_partition integer not null,
  input_offset bigint not null,
  at timestamptz not null,
  primary key (topic, partition, from_offset)
);

-- One row for all attempts at one record at one station.
create table dead_letter (
  id text primary key,
  edition integer not null default 1,
  state text not null check (state in ('open', 'corrected', 'replaying', 'resolved', 'discarded')),
  flow text not null,
  station text not null,
  -- The data topic; its dead letters stand in dlq.<topic>.
  topic text not null,
  record_id text,
  version bigint,
  -- Of the newest attempt.
  revision bigint not null,
  code text not null,
  class text not null,
  field text,
  fingerprint text not null,
  message text not null,
  place text,
  attempts integer not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- The newest record in the dead-letter topic.
  letter_partition integer not null,
  letter_offset bigint not null,
  source_topic text not null,
  source_partition integer not null,
  source_offset bigint not null,
  key_text text,
  bytes integer not null,
  -- Number of the correction that waits; null when none does.
  correction integer,
  -- The replay it is in, or was in last.
  replay text,
  resolved_verdict text,
  resolved_code text,
  set_aside_reason text,
  settled_by text,
  settled_at timestamptz,
  -- Downstream[] of the API.
  downstream jsonb not null default '[]'
);
create index dead_letter_newest on dead_letter (last_at desc, id desc);
create index dead_letter_state on dead_letter (state, last_at desc, id desc);
create index dead_letter_cause on dead_letter (fingerprint, state, last_at desc, id desc);
create index dead_letter_station on dead_letter (flow, station, state, last_at desc, id desc);
create index dead_letter_topic on dead_letter (topic, letter_partition, letter_offset);
create index dead_letter_code on dead_letter (code, state, last_at desc, id desc);
create index dead_letter_key on dead_letter (key_text);
create index dead_letter_record on dead_letter (record_id);
-- For each cause its newest, its first and the one tried most often, at one look.
create index dead_letter_cause_newest on dead_letter (flow, station, topic, fingerprint, state, last_at);
create index dead_letter_cause_first on dead_letter (flow, station, topic, fingerprint, state, first_at);
create index dead_letter_cause_attempts on dead_letter (flow, station, topic, fingerprint, state, attempts);
create index dead_letter_source on dead_letter (source_topic, source_partition, source_offset);
create index dead_letter_settled on dead_letter (settled_at) where state in ('resolved', 'discarded');

-- Every record of the dead-letter topics. It counts once a live part claims it; until then dead_letter is null.
create table letter_record (
  topic text not null,
  partition integer not null,
  record_offset bigint not null,
  dead_letter text,
  flow text not null,
  station text not null,
  record_id text,
  version bigint,
  revision bigint not null,
  replay text,
  code text not null,
  class text not null,
  field text,
  fingerprint text not null,
  message text not null,
  place text,
  stack text,
  service text,
  deliveries integer not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  source_topic text not null,
  source_partition integer not null,
  source_offset bigint not null,
  -- The record's own timestamp, ms since the epoch.
  record_timestamp bigint not null,
  key bytea,
  value bytea,
  -- [[name, base64], …], in Kafka's order.
  headers jsonb not null,
  primary key (topic, partition, record_offset)
);
create index letter_record_of on letter_record (dead_letter);

create table correction (
  dead_letter text not null,
  number integer not null,
  by_whom text not null,
  at timestamptz not null,
  reason text not null,
  -- Wire format, as it is sent.
  value bytea not null,
  -- The revision it was sent as.
  revision bigint,
  primary key (dead_letter, number)
);

create table replay (
  id text primary key,
  number bigint not null,
  kind text not null check (kind in ('replay', 'rerun', 'preview', 'copy')),
  flow text not null,
  station text not null,
  destination text not null,
  state text not null check (state in ('waiting', 'running', 'cancelling', 'cancelled', 'stopped', 'done')),
  records bigint not null,
  rate double precision,
  ramp jsonb not null,
  stop_at double precision not null,
  -- What was asked for, without payload.
  request jsonb not null,
  reason text not null,
  by_whom text not null,
  created_at timestamptz not null,
  finished_at timestamptz,
  fault_code text,
  fault_message text,
  -- End offsets before the first send, of the destination and of a dry run's previews: where reading back begins.
  -- {"<topic>": [[partition, offset], …]}
  begin_at jsonb,
  -- Nothing is left to do for it: over, and every record that it sent is known, with its verdict.
  settled boolean not null default false,
  unique (flow, number)
);
create index replay_unsettled on replay (created_at) where not settled;
create index replay_newest on replay (created_at desc, id desc);

create table replay_item (
  replay text not null references replay (id) on delete cascade,
  seq integer not null,
  dead_letter text,
  record_id text,
  from_topic text not null,
  from_partition integer not null,
  from_offset bigint not null,
  -- The record of the dead-letter topic that is sent again; null: a re-run of the input record.
  letter_topic text,
  letter_partition integer,
  letter_offset bigint,
  -- Number of the correction that is sent; null: the original bytes.
  correction integer,
  -- That it is sent as.
  revision bigint not null,
  -- Partition of the destination.
  partition integer not null,
  sent_offset bigint,
  state text not null check (state in ('waiting', 'sent', 'passed', 'dropped', 'rejected', 'withdrawn')),
  code text,
  message text,
  field text,
  judged_at timestamptz,
  -- FormerOutput[] as packFormer writes them.
  former jsonb,
  -- Dry runs: [{topic, key, value}], bytes in base64.
  outputs jsonb,
  downstream jsonb,
  -- Nothing further down will change any more.
  followed boolean not null default false,
  -- What it has left behind further down was looked for, see jobs/follow-up.ts.
  followed_up boolean not null default false,
  primary key (replay, seq)
);
create index replay_item_following_up on replay_item (replay, seq)
  where not followed_up and state in ('passed', 'dropped');
create index replay_item_sent on replay_item (partition, sent_offset) where sent_offset is not null;
create index replay_item_following on replay_item (replay) where state = 'passed' and not followed;
create index replay_item_open on replay_item (replay, state, seq) where state in ('waiting', 'sent');
create index replay_item_judged on replay_item (replay, judged_at desc) where judged_at is not null;
create index replay_item_from on replay_item (from_topic, from_partition, from_offset);
create index replay_item_letter on replay_item (dead_letter) where dead_letter is not null;

create table audit (
  id text primary key,
  at timestamptz not null,
  by_whom text not null,
  role text not null,
  action text not null,
  reason text not null,
  plan jsonb not null,
  result jsonb not null,
  outcome text not null
);
create index audit_at on audit (at desc, id desc);
create function audit_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'the audit is append-only';
end $$;
create trigger audit_append_only before update or delete or truncate on audit
  for each statement execute function audit_is_append_only();

-- Sums by cause, so that a million dead letters group as fast as ten. Kept by triggers, in the transaction of the change.
create table letter_group (
  flow text not null,
  station text not null,
  topic text not null,
  fingerprint text not null,
  code text not null,
  class text not null,
  field text not null,
  state text not null,
  letters bigint not null,
  primary key (flow, station, topic, fingerprint, code, class, field, state)
);
create function letter_group_add() returns trigger language plpgsql as $$
begin
  insert into letter_group as g
  select flow, station, topic, fingerprint, code, class, coalesce(field, ''), state, count(*)
  from added group by 1, 2, 3, 4, 5, 6, 7, 8
  on conflict (flow, station, topic, fingerprint, code, class, field, state)
  do update set letters = g.letters + excluded.letters;
  return null;
end $$;
create function letter_group_take() returns trigger language plpgsql as $$
begin
  update letter_group g set letters = g.letters - t.n
  from (
    select flow, station, topic, fingerprint, code, class, coalesce(field, '') as field, state, count(*) as n
    from taken group by 1, 2, 3, 4, 5, 6, 7, 8
  ) t
  where (g.flow, g.station, g.topic, g.fingerprint, g.code, g.class, g.field, g.state)
    = (t.flow, t.station, t.topic, t.fingerprint, t.code, t.class, t.field, t.state);
  return null;
end $$;
create trigger letter_group_insert after insert on dead_letter referencing new table as added
  for each statement execute function letter_group_add();
create trigger letter_group_delete after delete on dead_letter referencing old table as taken
  for each statement execute function letter_group_take();
create trigger letter_group_update_old after update on dead_letter referencing old table as taken
  for each statement execute function letter_group_take();
create trigger letter_group_update_new after update on dead_letter referencing new table as added
  for each statement execute function letter_group_add();

-- Failures by hour and cause, for the trend.
create table letter_hour (
  flow text not null,
  station text not null,
  fingerprint text not null,
  hour timestamptz not null,
  failures bigint not null,
  primary key (flow, station, fingerprint, hour)
);

-- Decisions about dead letters that are not known yet: applied once they are, see letters/apply.ts.
create table pending_decision (
  dead_letter text not null,
  kind text not null,
  id text not null,
  at timestamptz not null,
  by_whom text not null,
  reason text not null,
  body text not null,
  bytes bytea,
  seq bigint generated always as identity,
  primary key (kind, id)
);
create index pending_decision_of on pending_decision (dead_letter);

-- Offsets of quadrille.decisions that were applied by whoever decided, ahead of the one who follows the topic.
create table applied_decision (
  at bigint primary key
);

-- What the leading instance says of itself, for the others.
create table leader (
  alone boolean primary key default true check (alone),
  instance text not null,
  caught_up boolean not null,
  at timestamptz not null
);
