-- Where a record was sent again is asked for by its id (trace), whatever has been replayed.
create index replay_item_record on replay_item (record_id) where record_id is not null;
-- What the leading instance has not taken in yet, for the others.
alter table leader add column behind bigint not null default 0;
