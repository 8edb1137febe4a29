-- Everything that breaks a rule about all tables and functions, those not yet
-- written included. Must be empty: on a migrated database, local or hosted.
with
functions as (
  select
    p.oid, p.oid::regprocedure::text as name, p.pronamespace, p.proowner, p.proconfig,
    p.prosecdef as is_security_definer
  from pg_catalog.pg_proc p
  where p.pronamespace in ('public'::regnamespace, 'app'::regnamespace)
    -- Not those that came with an extension.
    and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
),

-- Tables, views and sequences.
relations as (
  select
    c.oid, c.oid::regclass::text as name, c.relkind, c.relnamespace, c.relowner, c.relrowsecurity,
    c.reloptions
  from pg_catalog.pg_class c
  where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace)
    and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
),
tables as (
  select * from relations where relkind in ('r', 'p', 'f')
),
columns as (
  select
    t.oid as table_oid, a.attnum, a.attname, a.atttypid,
    t.name || '.' || pg_catalog.quote_ident(a.attname) as name
  from tables t
  join pg_catalog.pg_attribute a on a.attrelid = t.oid
  where a.attnum > 0 and not a.attisdropped
),
api_roles (rolname) as (values ('anon'), ('authenticated'), ('service_role')),

-- Whose rows a policy leaves, in the only words it may have: the caller's own,
-- asked for in a select of its own, once for a statement.
owners_rows (expression) as (
  values
    ('(business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[]))'),
    ('(id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[]))'),
    ('((sender_phone)::text IN ( SELECT n.phone FROM app.sender_numbers n WHERE (n.business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[]))))')
),
policies as (
  select
    p.polname, p.polrelid, t.name as table_name, p.polcmd, p.polroles, p.polpermissive,
    pg_catalog.regexp_replace(pg_catalog.pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g') as expression
  from pg_catalog.pg_policy p
  join tables t on t.oid = p.polrelid
)

select 'function without search_path = ''''' as rule, name as object
from functions
where not coalesce('search_path=""' = any (proconfig), false)

union all
-- Hosted projects load safeupdate for the API's roles, which refuses such a statement
-- whoever's rights the function has. <https://github.com/eradman/pg-safeupdate>
select 'function that changes rows without saying which', f.name
from functions f
join pg_catalog.pg_proc p on p.oid = f.oid
cross join lateral pg_catalog.regexp_split_to_table(
  pg_catalog.regexp_replace(
    pg_catalog.regexp_replace(p.prosrc, '--[^\n]*', '', 'g'), '''[^'']*''', '''''', 'g'
  ),
  ';|\mreturning\M|\mas\s*\('
) s (statement)
where pg_catalog.substring(
  s.statement,
  '(?i)\m(?:update\s+(?:only\s+)?\w+\.\w+(?:\s+(?:as\s+)?\w+)?\s+set|delete\s+from)\M(.*)$'
) !~* '\mwhere\M'

union all
select 'function without a comment', name
from functions
where pg_catalog.obj_description(oid, 'pg_proc') is null

union all
select 'function open to anon', name
from functions
where pg_catalog.has_function_privilege('anon', oid, 'execute')

union all
-- A signed-in user gets no more than row level security gives. The one exception
-- is what that asks whose rows they are.
select 'security definer function open to authenticated', name
from functions
where is_security_definer
  and oid <> 'app.own_business_ids()'::regprocedure
  and pg_catalog.has_function_privilege('authenticated', oid, 'execute')

union all
select 'function in app open to service_role', name
from functions
where pronamespace = 'app'::regnamespace
  and pg_catalog.has_function_privilege('service_role', oid, 'execute')

union all
select 'function not owned by postgres', name
from functions
where proowner <> 'postgres'::regrole

union all
select 'table outside of app', name
from relations
where relnamespace <> 'app'::regnamespace

union all
select 'table without row level security', name
from tables
where not relrowsecurity

union all
select 'table without a comment', name
from tables
where pg_catalog.obj_description(oid, 'pg_class') is null

union all
select 'table without a primary key', t.name
from tables t
where not exists (
  select from pg_catalog.pg_constraint k where k.conrelid = t.oid and k.contype = 'p'
)

union all
select 'table not owned by postgres', name
from relations
where relowner <> 'postgres'::regrole

union all
select 'view that reads with its owner''s rights', name
from relations
where relkind in ('v', 'm')
  and not coalesce(
    reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false
  )

union all
-- But that owners, signed in, may read what is theirs: of that below.
select 'table that ' || r.rolname || ' has rights on', t.name
from relations t
cross join api_roles r
where case t.relkind
  when 'S' then pg_catalog.has_sequence_privilege(r.rolname, t.oid, 'usage, select, update')
  else
    pg_catalog.has_table_privilege(r.rolname, t.oid, 'delete, truncate, trigger')
    or pg_catalog.has_any_column_privilege(r.rolname, t.oid, 'insert, update, references')
    or (
      pg_catalog.has_any_column_privilege(r.rolname, t.oid, 'select')
      and (r.rolname <> 'authenticated' or t.relkind not in ('r', 'p'))
    )
end

union all
-- A column that is added later would be open too. Which columns are, lib says (data::tables);
-- a test compares.
select 'table that owners may read as a whole', t.name
from tables t
where pg_catalog.has_table_privilege('authenticated', t.oid, 'select')

union all
select 'table that owners may read without a policy', t.name
from tables t
where pg_catalog.has_any_column_privilege('authenticated', t.oid, 'select')
  and not exists (select from policies p where p.polrelid = t.oid)

union all
-- Several policies are more than each: they are joined by "or".
select 'policy that is not for owners to read by', table_name || ' ' || pg_catalog.quote_ident(polname)
from policies
where polcmd <> 'r' or not polpermissive or polroles <> array['authenticated'::regrole::oid]

union all
select 'policy that leaves other rows than the owner''s', p.table_name || ' ' || pg_catalog.quote_ident(p.polname)
from policies p
where p.expression is null
  or not exists (select from owners_rows r where r.expression = p.expression)
  -- A row whose own id is a shop's is a shop.
  or (p.expression like '(id = %' and p.table_name <> 'app.businesses')

union all
-- Without one, each read looks through the rows of all shops.
select 'policy without an index', p.table_name || ' ' || pg_catalog.quote_ident(p.polname)
from policies p
where not exists (
  select
  from pg_catalog.pg_index i
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  where i.indrelid = p.polrelid
    and i.indpred is null
    and (p.expression like '(' || a.attname || ' = %' or p.expression like '((' || a.attname || ')::text %')
)

union all
select 'time without its time zone', name
from columns
where atttypid = 'timestamp'::regtype

union all
select 'phone number that need not be E.164', c.name
from columns c
where c.attname like '%phone'
  and not exists (
    select
    from pg_catalog.pg_constraint k
    where k.contype = 'c'
      and (k.contypid = c.atttypid or (k.conrelid = c.table_oid and k.conkey = array[c.attnum]))
      and pg_catalog.strpos(pg_catalog.pg_get_constraintdef(k.oid), '^\+[1-9][0-9]{1,14}$') > 0
  )

union all
-- Without one, deleting a row reads the whole table that refers to it.
select 'foreign key without an index', k.conrelid::regclass || '.' || pg_catalog.quote_ident(k.conname)
from pg_catalog.pg_constraint k
join tables t on t.oid = k.conrelid
where k.contype = 'f'
  and not exists (
    select
    from pg_catalog.pg_index i
    where i.indrelid = k.conrelid
      -- One that has all rows that refer to anything finds them as well.
      and (
        i.indpred is null
        or pg_catalog.pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', (
          select a.attname
          from pg_catalog.pg_attribute a
          where a.attrelid = k.conrelid and array[a.attnum] = k.conkey
        ))
      )
      and (i.indkey::int2[])[0:pg_catalog.array_length(k.conkey, 1) - 1] @> k.conkey
  )

union all
select 'constraint that old rows may break', k.conrelid::regclass || '.' || pg_catalog.quote_ident(k.conname)
from pg_catalog.pg_constraint k
join tables t on t.oid = k.conrelid
where not k.convalidated

order by rule, object;
