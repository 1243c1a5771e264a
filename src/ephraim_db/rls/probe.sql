-- Runs probes, each in a subtransaction that always ends in a rollback. An act is a persona's
-- probes; its `setup` is done before, as the prober, and undone after. If it fails, probe 0 tells.
-- `until` says when the other probes that try for the same answers are left out; where it is
-- 'settled', a constraint that objects answers the first question, and not the others.
-- `witness` tells, as the prober, which rows the command touched, or what it `told`.
-- A probe that takes too long ends the run: the next call goes on from there.
-- `sql` and `witness` are numbers: positive ones go to the routine that keeps plans, made by
-- `keeping`; negative ones are looked up in `statements`. $1 and $2 are `n` and `m`.
create function pg_temp.ephraim_probe(acts jsonb, keeping text, statements text[])
returns table (
    act integer,
    probe integer,
    state text,
    touched bigint,
    numbers integer[],
    constrained boolean
)
language plpgsql
as $$
declare
    prober constant text := current_setting('role');
    are_honest constant boolean := current_setting('ephraim.are_honest');
    acting jsonb;
    probing jsonb;
    sql integer;
    witness integer;
    n integer;
    m integer;
    answered integer[];
    questions integer[];
    done boolean;
    stopped boolean := false;
    told jsonb;
    at_constraint text;
    at_column text;
    at_table text;
begin
    if keeping is not null then
        perform set_config('check_function_bodies', 'off', true);
        execute keeping;
        perform set_config('check_function_bodies', 'on', true);
    end if;
    act := 0;
    for acting in select a.value from jsonb_array_elements(acts) as a loop
        act := act + 1;
        probe := 0;
        answered := '{}';
        if keeping is not null and not are_honest then
            discard plans;
        end if;
        begin
            if acting ->> 'setup' is not null then
                execute acting ->> 'setup';
            end if;
            perform set_config(s.key, s.value, true)
            from jsonb_each_text(acting -> 'settings') as s;
            perform set_config('role', acting ->> 'role', true);
            for probing in select p.value from jsonb_array_elements(acting -> 'probes') as p loop
                probe := probe + 1;
                questions := probing ->> 'questions';
                continue when questions <@ answered;
                sql := probing ->> 'sql';
                witness := probing ->> 'witness';
                n := probing ->> 'n';
                m := probing ->> 'm';
                state := null;
                touched := null;
                numbers := null;
                at_constraint := '';
                at_column := '';
                at_table := '';
                begin
                    if probing ->> 'setup' is not null then
                        perform set_config('role', prober, true);
                        execute probing ->> 'setup';
                        perform set_config('role', acting ->> 'role', true);
                    end if;
                    if witness is null then
                        execute statements[-sql] into numbers;
                    elsif probing ->> 'told' is not null then
                        execute statements[-sql] into told;
                        set constraints all immediate;
                        perform set_config('role', prober, true);
                        execute statements[-witness] into numbers using told;
                    else
                        if sql > 0 then
                            numbers := pg_temp.ephraim_kept(n, m, sql);
                            touched := numbers[1];
                            numbers := null;
                        else
                            execute statements[-sql] using n, m;
                            get diagnostics touched = row_count;
                        end if;
                        if touched > 0 then
                            set constraints all immediate;
                            perform set_config('role', prober, true);
                            if witness > 0 then
                                numbers := pg_temp.ephraim_kept(n, m, witness);
                            else
                                execute statements[-witness] into numbers using n, m;
                            end if;
                        end if;
                    end if;
                    raise exception using errcode = 'XDONE';
                exception
                    when sqlstate 'XDONE' then
                        null;
                    when query_canceled then
                        state := '57014';
                        stopped := true;
                    when others or assert_failure then
                        get stacked diagnostics
                            state = returned_sqlstate,
                            at_constraint = constraint_name,
                            at_column = column_name,
                            at_table = table_name;
                end;
                -- Postgres names what was violated; a trigger that raises the same code does not.
                -- Policies come before constraints, so then every policy has let the row pass.
                constrained := coalesce(state, '') ~ '^23'
                and concat(at_constraint, at_column, at_table) <> '';
                done := case probing ->> 'until'
                    when 'unconstrained' then not constrained
                    when 'untroubled' then state is null
                    else
                        state is null
                        and (touched is null or touched > 0)
                        and (probing ->> 'must_tell' is null or numbers is not null)
                end;
                if done then
                    answered := answered || questions;
                elsif constrained and probing ->> 'until' = 'settled' then
                    answered := answered || questions[1:1];
                end if;
                return next;
                exit when stopped;
            end loop;
            raise exception using errcode = 'XDONE';
        exception
            when sqlstate 'XDONE' then
                null;
            when query_canceled or others then
                probe := 0;
                state := sqlstate;
                stopped := state = '57014';
                return next;
        end;
        exit when stopped;
    end loop;
end
$$;

-- Ends a TRUNCATE that names this table last, once it was permitted and before anything is emptied.
create function pg_temp.ephraim_stop()
returns trigger
language plpgsql
as $$
begin
    raise exception using errcode = 'XDONE';
end
$$;

create temp table ephraim_stop () on commit drop;
create trigger ephraim_stop before truncate on pg_temp.ephraim_stop
for each statement execute function pg_temp.ephraim_stop();
grant truncate on pg_temp.ephraim_stop to public;

-- Whether all functions that are declared immutable can be: what else is folded into a plan would
-- answer for whom it was made. Those that read tables, settings or who asks are not.
select set_config('ephraim.are_honest', (not exists (
    select
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_language as l on p.prolang = l.oid
    where
        p.provolatile = 'i'
        and l.lanname not in ('c', 'internal')
        and p.pronamespace not in (
            select s.oid
            from pg_catalog.pg_namespace as s
            where
                s.nspname in (
                    'pg_catalog', 'information_schema', 'extensions', 'storage', 'graphql_public'
                )
        )
        and not exists (
            select
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        )
        and (
            l.lanname not in ('sql', 'plpgsql')
            or p.prosqlbody is not null
            or p.prosrc ~* concat(
                '\m(from|execute|user|session_user|localtime|localtimestamp|',
                'current_(user|role|schema|catalog|date|time|timestamp))\M'
            )
            or exists (
                select
                from regexp_matches(p.prosrc, '(\w+)"?\s*\(', 'g') as w (called)
                inner join pg_catalog.pg_proc as o
                    on o.proname = w.called[1] and o.provolatile <> 'i'
            )
        )
))::text, true);
