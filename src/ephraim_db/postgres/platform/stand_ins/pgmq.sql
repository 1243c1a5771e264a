-- pgmq: queues that can be made, filled and read, without archives.

create schema pgmq authorization postgres;
set role postgres;

create type pgmq.message_record as (
    msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb
);
create table pgmq.meta (
    queue_name varchar unique not null,
    is_partitioned boolean not null default false,
    is_unlogged boolean not null default false,
    created_at timestamptz not null default now()
);

create function pgmq.create(queue_name text) returns void
language plpgsql set search_path = ''
as $$
begin
    if exists (select from pgmq.meta as m where m.queue_name = lower($1)) then
        return;
    end if;
    execute format(
        'create table pgmq.%I ('
        'msg_id bigint generated always as identity primary key, read_ct integer not null default 0,'
        'enqueued_at timestamptz not null default now(), vt timestamptz not null, message jsonb)',
        'q_' || lower(queue_name)
    );
    insert into pgmq.meta (queue_name) values (lower(queue_name));
end
$$;

create function pgmq.drop_queue(queue_name text) returns boolean
language plpgsql set search_path = ''
as $$
begin
    execute format('drop table if exists pgmq.%I', 'q_' || lower(queue_name));
    delete from pgmq.meta as m where m.queue_name = lower(drop_queue.queue_name);
    return found;
end
$$;

create function pgmq.send(queue_name text, msg jsonb, delay integer default 0)
returns setof bigint
language plpgsql set search_path = ''
as $$
begin
    return query execute format(
        'insert into pgmq.%I (vt, message) values (now() + make_interval(secs => $1), $2)'
        ' returning msg_id', 'q_' || lower(queue_name)
    ) using delay, msg;
end
$$;

create function pgmq.read(queue_name text, vt integer, qty integer)
returns setof pgmq.message_record
language plpgsql set search_path = ''
as $$
begin
    return query execute format(
        'update pgmq.%1$I as q set vt = now() + make_interval(secs => $1), read_ct = read_ct + 1'
        ' where msg_id in (select msg_id from pgmq.%1$I where vt <= now() order by msg_id limit $2'
        ' for update skip locked) returning msg_id, read_ct, enqueued_at, q.vt, message',
        'q_' || lower(queue_name)
    ) using vt, qty;
end
$$;

create function pgmq.delete(queue_name text, msg_id bigint) returns boolean
language plpgsql set search_path = ''
as $$
declare
    deleted bigint;
begin
    execute format('delete from pgmq.%I where msg_id = $1', 'q_' || lower(queue_name))
    using msg_id;
    get diagnostics deleted = row_count;
    return deleted > 0;
end
$$;
create function pgmq.archive(queue_name text, msg_id bigint) returns boolean
language sql set search_path = ''
as $$ select pgmq.delete(queue_name, msg_id) $$;

reset role;
