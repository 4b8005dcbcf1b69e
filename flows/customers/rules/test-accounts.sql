-- rule: test-accounts
-- doc: Leaves out what is no customer, that is accounts that were made for tests, and those that carry a warning for a name.
-- examples:
--   - name: a customer
--     given: { name: Ada Lovelace, email: ada@lovelace.org, status: A }
--     expect: { name: Ada Lovelace }
--   - name: an address that leads nowhere
--     given: { name: Nobody, email: Nobody@Example.COM, status: A }
--     expect: { drop: SQL_FILTERED }
--   - name: made for a test, and never used
--     given: { name: "test 17", email: qa@shop.de, status: X }
--     expect: { drop: SQL_FILTERED }
--   - name: a customer whose name begins so
--     given: { name: Test Ament, email: ament@posteo.de, status: A }
--     expect: { name: Test Ament }
--   - name: a warning
--     given: { name: "** DO NOT USE **", email: null, status: A }
--     expect: { drop: SQL_FILTERED }
select row
from input
where not (
  coalesce(lower(email) like '%@example.%', false)
  or (lower(name) like 'test %' and coalesce(upper(status) in ('X', '0', 'I', 'INACTIVE'), false))
  or coalesce(name like '%DO NOT USE%', false)
)
