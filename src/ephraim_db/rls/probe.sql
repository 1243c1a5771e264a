-- Runs probes, each in a subtransaction that always ends in a rollback. An act is a persona's
-- probes; its `setup` is done before, as the prober, and undone after. If it fails, probe 0 tells.
-- What probes are comes in arrays, with a place for each; those of an act are `first` to `last`.
--   asked      the questions of all probes, by number; those of one end at `upto`
--   sqls, witnesses, setups
--              numbers of statements, 0 for none: positive ones go to the routine that keeps
--              plans, made by `keeping`; negative ones are looked up in `statements`
--   ns, ms     $1 and $2 of them
--   untils     when the other probes that try for the same answers are left out; where 'settled',
--              a constraint that objects answers the first question, and not the others
--   telling    'told', if the witness looks at what the command returned; 'must_tell', if only
--              what the witness saw counts
-- A witness tells, as the prober, which rows the command touched.
-- A probe that takes too long ends the run: the next call goes on from there.
create function pg_temp.ephraim_probe(
    acts jsonb,
    keeping text,
    statements jsonb,
    asked integer[],
    upto integer[],
    sqls integer[],
    witnesses integer[],
    setups integer[],
    ns integer[],
    ms integer[],
    untils text[],
    telling text[]
)
returns table (
    act integer,
    probe integer,
    state text,
    touched bigint,
    numbers integer[],
    constrained boolean
)
language plpgsql
set plan_cache_mode = force_generic_plan
as $$
declare
    prober constant text := current_setting('role');
    are_honest constant boolean := current_setting('ephraim.are_honest');
    said constant text[] := array(select jsonb_array_elements_text(statements));
    acting jsonb;
    persona text;
    setting text;
    first integer;
    sql integer;
    witness integer;
    since integer;
    answered boolean[];
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
        answered := array_fill(false, array[(acting ->> 'questions')::integer]);
        persona := acting ->> 'role';
        first := acting ->> 'first';
        if keeping is not null and not are_honest then
            discard plans;
        end if;
        begin
            if acting ->> 'setup' is not null then
                execute acting ->> 'setup';
            end if;
            perform set_config(s.key, s.value, true)
            from jsonb_each_text(acting -> 'settings') as s;
            setting := set_config('role', persona, true);
            for place in first..(acting ->> 'last')::integer loop
                probe := probe + 1;
                since := coalesce(upto[place - 1], 0) + 1;
                done := answered[asked[since]];
                for at in since + 1..upto[place] loop
                    done := done and answered[asked[at]];
                end loop;
                continue when done;
                sql := sqls[place];
                witness := witnesses[place];
                state := null;
                touched := null;
                numbers := null;
                constrained := false;
                begin
                    if setups[place] < 0 then
                        setting := set_config('role', prober, true);
                        execute said[-setups[place]];
                        setting := set_config('role', persona, true);
                    end if;
                    if telling[place] = 'told' then
                        execute said[-sql] into told;
                        set constraints all immediate;
                        setting := set_config('role', prober, true);
                        execute said[-witness] into numbers using told;
                    elsif witness = 0 then
                        if sql > 0 then
                            numbers := pg_temp.ephraim_kept(ns[place], ms[place], sql);
                        else
                            execute said[-sql] into numbers using ns[place], ms[place];
                        end if;
                    else
                        if sql > 0 then
                            numbers := pg_temp.ephraim_kept(ns[place], ms[place], sql);
                            touched := numbers[1];
                            numbers := null;
                        else
                            execute said[-sql] using ns[place], ms[place];
                            get diagnostics touched = row_count;
                        end if;
                        if touched > 0 then
                            set constraints all immediate;
                            setting := set_config('role', prober, true);
                            if witness > 0 then
                                numbers := pg_temp.ephraim_kept(ns[place], ms[place], witness);
                            else
                                execute said[-witness] into numbers using ns[place], ms[place];
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
                        -- Postgres names what was violated; a trigger that raises the same code
                        -- does not. Policies come before constraints, so then every policy has
                        -- let the row pass.
                        constrained := state ~ '^23'
                        and concat(at_constraint, at_column, at_table) <> '';
                end;
                done := case untils[place]
                    when 'unconstrained' then not constrained
                    when 'untroubled' then state is null
                    else
                        state is null
                        and (touched is null or touched > 0)
                        and (telling[place] <> 'must_tell' or numbers is not null)
                end;
                if done then
                    for at in since..upto[place] loop
                        answered[asked[at]] := true;
                    end loop;
                elsif constrained and untils[place] = 'settled' then
                    answered[asked[since]] := true;
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
