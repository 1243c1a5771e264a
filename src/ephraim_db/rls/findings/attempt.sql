-- Carries out a branch, steps and the branches that go on from them, in a subtransaction that ends
-- in a rollback: what its steps do holds for all that go on from there, and for nothing else.
-- A step is one statement, as a persona or (who is null) as the prober. Where `asks`, what it
-- returned is told; else, how many rows it touched. A step that fails ends its branch, unless it
-- `may_fail`. What an `undone` step did is taken back at once. Once the time is over, nothing more
-- is tried: the step that it ended in tells 57014, and every branch around it is `stopped`.
-- `who` is the place of a persona in `roles` and `claims`; told are three arrays, in step.
create function pg_temp.ephraim_attempt(roles text[], claims text[], path text, branch jsonb)
returns jsonb
language plpgsql
as $$
declare
    prober constant text := current_setting('role');
    step jsonb;
    who integer;
    setting text;
    states text[] := '{}';
    touches bigint[] := '{}';
    answers text[] := '{}';
    onward jsonb;
    further jsonb[] := '{}';
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
                who := step ->> 'who';
                setting := set_config('request.jwt.claims', coalesce(claims[who], ''), true);
                if who is not null and current_setting('search_path') <> path then
                    setting := set_config('search_path', path, true);
                end if;
                setting := set_config('role', coalesce(roles[who], prober), true);
                if jsonb_exists(step, 'asks') then
                    execute step ->> 'sql' into answer;
                else
                    execute step ->> 'sql';
                    get diagnostics touched = row_count;
                    set constraints all immediate;
                end if;
                setting := set_config('role', prober, true);
                if jsonb_exists(step, 'undone') then
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
            states := states || state;
            touches := touches || touched;
            answers := answers || answer;
            ended := stopped or (state is not null and not jsonb_exists(step, 'may_fail'));
            exit when ended;
        end loop;
        if not ended then
            for onward in select b.value from jsonb_array_elements(branch -> 'then') as b loop
                further := further || pg_temp.ephraim_attempt(roles, claims, path, onward);
                stopped := further[cardinality(further)] ->> 'stopped';
                exit when stopped;
            end loop;
        end if;
        raise exception using errcode = 'XDONE';
    exception
        when sqlstate 'XDONE' then
            null;
        when query_canceled then
            stopped := true;
            if cardinality(further) = 0 then
                states := states || sqlstate;
                touches := touches || null::bigint;
                answers := answers || null::text;
            end if;
    end;
    return jsonb_build_object(
        'told', jsonb_build_array(states, touches, answers), 'then', further, 'stopped', stopped
    );
end
$$
