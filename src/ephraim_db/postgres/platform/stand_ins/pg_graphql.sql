-- pg_graphql: every query is answered with an error.

create function graphql_public.graphql(
    "operationName" text default null, query text default null, variables jsonb default null,
    extensions jsonb default null
)
returns jsonb language sql immutable
return '{"errors": [{"message": "pg_graphql is not there"}]}'::jsonb;
