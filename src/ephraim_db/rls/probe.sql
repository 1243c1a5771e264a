-- Runs probes, each in a subtransaction that always ends in a rollback. An act is a persona's
-- probes; its `setup` is done before, as the prober, and undone after. If it fails, probe 0 tells.
-- `until` says when the other probes that try for the same answers are left out; where it is
-- 'settled', a constraint that objects answers the first question, and not the others.
-- `witness` tells, as the prober, which rows the command touched, or what it `told`.
-- A probe that takes too long ends the run: the next call goes on from there.
create function pg_temp.ephraim_probe(acts jsonb)
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
    acting jsonb;
    probing jsonb;
    answered integer[];
    questions integer[];
    done boolean;
    stopped boolean := false;
    told jsonb;
    at_constraint text;
    at_column text;
    at_table text;
begin
    act := 0;
    for acting in select a.value from jsonb_array_elements(acts) as a loop
        act := act + 1;
        probe := 0;
        answered := '{}';
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
                    if probing ->> 'witness' is null then
                        execute probing ->> 'sql' into numbers;
                    elsif probing ->> 'told' is not null then
                        execute probing ->> 'sql' into told;
                        set constraints all immediate;
                        perform set_config('role', prober, true);
                        execute probing ->> 'witness' into numbers using told;
                    else
                        execute probing ->> 'sql';
                        get diagnostics touched = row_count;
                        if touched > 0 then
                            set constraints all immediate;
                            perform set_config('role', prober, true);
                            execute probing ->> 'witness' into numbers;
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
