-- Carries out a branch, steps and the branches that go on from them, in a subtransaction that ends
-- in a rollback: what its steps do holds for all that go on from there, and for nothing else.
-- A step is one statement, as a persona or (who is null) as the prober. Where `asks`, what it
-- returned is told; else, how many rows it touched. A step that fails ends its branch, unless it
-- `may_fail`. What an `undone` step did is taken back at once. Once the time is over, nothing more
-- is tried: the step that it ended in tells 57014, and every branch around it is `stopped`.
create function pg_temp.ephraim_attempt(personas jsonb, branch jsonb)
returns jsonb
language plpgsql
as $$
declare
    prober constant text := current_setting('role');
    step jsonb;
    acting jsonb;
    told jsonb[] := '{}';
    answers jsonb[] := '{}';
    onward jsonb;
    state text;
    touched bigint;
    answer text;
    ended boolean := false;
    stopped boolean := false;
begin
    begin
        for step in select s.value from jsonb_array_elements(branch -> 'steps') as s loop
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
                when query_canceled then
                    state := sqlstate;
                    stopped := true;
                when others or assert_failure then
                    state := sqlstate;
            end;
            told := told || jsonb_build_object(
                'sqlstate', state, 'touched', touched, 'answer', answer
            );
            ended := stopped or (state is not null and not (step ->> 'may_fail')::boolean);
            exit when ended;
        end loop;
        if not ended then
            for onward in select b.value from jsonb_array_elements(branch -> 'then') as b loop
                answers := answers || pg_temp.ephraim_attempt(personas, onward);
                stopped := (answers[cardinality(answers)] ->> 'stopped')::boolean;
                exit when stopped;
            end loop;
        end if;
        raise exception using errcode = 'XDONE';
    exception
        when sqlstate 'XDONE' then
            null;
        when query_canceled then
            stopped := true;
            if cardinality(answers) = 0 then
                told := told || jsonb_build_object(
                    'sqlstate', sqlstate, 'touched', null, 'answer', null
                );
            end if;
    end;
    return jsonb_build_object(
        'told', to_jsonb(told), 'then', to_jsonb(answers), 'stopped', stopped
    );
end
$$
