-- Carries out attempts: each is a list of steps in one subtransaction that ends in a rollback, but
-- for the first: what it does holds for all others, and the caller rolls it back.
-- A step is one statement, as a persona or (who is null) as the prober. Where `asks`, what it
-- returned is told; else, how many rows it touched. A step that fails ends its attempt, unless it
-- `may_fail`. What an `undone` step did is taken back at once.
create function pg_temp.ephraim_attempt(personas jsonb, attempts jsonb)
returns jsonb
language plpgsql
as $$
declare
    prober constant text := current_setting('role');
    attempt jsonb;
    step jsonb;
    acting jsonb;
    told jsonb;
    answers jsonb[] := '{}';
    place bigint;
    state text;
    touched bigint;
    answer text;
begin
    for attempt, place in
        select a.value, a.place from jsonb_array_elements(attempts) with ordinality as a (value, place)
    loop
        told := '[]';
        begin
            for step in select s.value from jsonb_array_elements(attempt) as s loop
                state := null;
                touched := null;
                answer := null;
                begin
                    acting := personas -> (step ->> 'who')::integer;
                    perform set_config('request.jwt.claims', '', true);
                    perform set_config(s.key, s.value, true)
                    from jsonb_each_text(acting -> 'settings') as s;
                    perform set_config('role', coalesce(acting ->> 'role', prober), true);
                    if (step ->> 'asks')::boolean then
                        execute step ->> 'sql' into answer;
                    else
                        execute step ->> 'sql';
                        get diagnostics touched = row_count;
                        set constraints all immediate;
                    end if;
                    perform set_config('role', prober, true);
                    if (step ->> 'undone')::boolean then
                        raise exception using errcode = 'XDONE';
                    end if;
                exception
                    when sqlstate 'XDONE' then
                        null;
                    when others or assert_failure then
                        state := sqlstate;
                end;
                told := told || jsonb_build_object(
                    'sqlstate', state, 'touched', touched, 'answer', answer
                );
                exit when state is not null and not (step ->> 'may_fail')::boolean;
            end loop;
            if place > 1 then
                raise exception using errcode = 'XDONE';
            end if;
        exception
            when sqlstate 'XDONE' then
                null;
        end;
        answers := answers || told;
    end loop;
    return to_jsonb(answers);
end
$$
