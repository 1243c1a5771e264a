-- Runs probes as a persona, each in a subtransaction that always ends in a rollback.
-- Once a probe has answered a question with "yes", the others that try for it are left out.
-- `witness` tells, as the prober, which rows the command touched.
create function pg_temp.ephraim_probe(persona_role text, settings jsonb, probes jsonb)
returns jsonb
language plpgsql
as $$
declare
    prober constant text := current_setting('role');
    probe jsonb;
    answers jsonb := '[]';
    answered integer[] := '{}';
    question integer;
    state text;
    touched bigint;
    numbers integer[];
    at_constraint text;
    at_column text;
    at_table text;
    constrained boolean;
begin
    for probe in select p.value from jsonb_array_elements(probes) as p loop
        question := (probe ->> 'question')::integer;
        continue when question = any(answered);
        state := null;
        touched := null;
        numbers := null;
        at_constraint := '';
        at_column := '';
        at_table := '';
        begin
            if probe ->> 'setup' is not null then
                execute probe ->> 'setup';
            end if;
            perform set_config(s.key, s.value, true) from jsonb_each_text(settings) as s;
            perform set_config('role', persona_role, true);
            if probe ->> 'witness' is null then
                execute probe ->> 'sql' into numbers;
            else
                execute probe ->> 'sql';
                get diagnostics touched = row_count;
                set constraints all immediate;
                perform set_config('role', prober, true);
                if touched > 0 then
                    execute probe ->> 'witness' into numbers;
                end if;
            end if;
            raise exception using errcode = 'XDONE';
        exception
            when sqlstate 'XDONE' then
                null;
            when others or assert_failure then
                get stacked diagnostics
                    state = returned_sqlstate,
                    at_constraint = constraint_name,
                    at_column = column_name,
                    at_table = table_name;
        end;
        -- Postgres names what was violated; a trigger that raises the same code does not. Policies
        -- come before constraints, so then every policy has let the row pass.
        constrained := coalesce(state, '') ~ '^23'
        and concat(at_constraint, at_column, at_table) <> '';
        if
            state is null
            and (touched is null or touched > 0)
            and (probe ->> 'must_tell' is null or numbers is not null)
            or probe ->> 'asked_once' is not null and not constrained
        then
            answered := answered || question;
        end if;
        answers := answers || jsonb_build_object(
            'question', question,
            'sqlstate', state,
            'touched', touched,
            'numbers', numbers,
            'constrained', constrained
        );
    end loop;
    return answers;
end
$$
