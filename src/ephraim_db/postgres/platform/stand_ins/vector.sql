-- vector: text underneath, so that tables, indexes and functions compile. Distances are 0 or 1.

create type extensions.vector;
create function extensions.vector_in(cstring) returns extensions.vector
language internal immutable strict as 'textin';
create function extensions.vector_out(extensions.vector) returns cstring
language internal immutable strict as 'textout';
create function extensions.vector_typmod_in(cstring[]) returns integer
language internal immutable strict as 'varchartypmodin';
create function extensions.vector_typmod_out(integer) returns cstring
language internal immutable strict as 'varchartypmodout';
create type extensions.vector (
    input = extensions.vector_in,
    output = extensions.vector_out,
    typmod_in = extensions.vector_typmod_in,
    typmod_out = extensions.vector_typmod_out,
    like = text,
    collatable = true
);
create cast (extensions.vector as text) without function;
create cast (text as extensions.vector) without function;

create function extensions.vector_distance(a extensions.vector, b extensions.vector)
returns double precision language sql immutable strict
return case when a::text = b::text then 0 else 1 end;
create function extensions.vector_eq(a extensions.vector, b extensions.vector) returns boolean
language internal immutable strict as 'texteq';
create function extensions.vector_hash(a extensions.vector) returns integer
language internal immutable strict as 'hashtext';

do $$
declare
    symbol text;
    method text;
    family text;
begin
    foreach symbol in array array['<->', '<=>', '<#>', '<+>'] loop
        execute format(
            'create operator extensions.%s (leftarg = extensions.vector, '
            'rightarg = extensions.vector, function = extensions.vector_distance)', symbol
        );
    end loop;
    create operator extensions.= (
        leftarg = extensions.vector, rightarg = extensions.vector,
        function = extensions.vector_eq, hashes
    );
    foreach method in array array['hnsw', 'ivfflat'] loop
        execute format('create access method %I type index handler hashhandler', method);
        foreach family in array array['l2', 'cosine', 'ip', 'l1'] loop
            execute format(
                'create operator class extensions.vector_%s_ops %s for type extensions.vector '
                'using %I as operator 1 extensions.=, '
                'function 1 extensions.vector_hash(extensions.vector)',
                family, case when family = 'l2' then 'default' else '' end, method
            );
        end loop;
    end loop;
end
$$;
