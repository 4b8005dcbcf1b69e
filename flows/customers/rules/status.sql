-- rule: status
-- doc: Whether an account is in use, from the codes of three generations.
-- examples:
--   - name: of the first
--     given: { status: A }
--     expect: { active: true }
--   - name: of the second
--     given: { status: inactive }
--     expect: { active: false }
--   - name: of the third
--     given: { status: "1" }
--     expect: { active: true }
--   - name: nobody knows
--     given: { status: null }
--     expect: { active: false }
select row, coalesce(upper(status) in ('A', 'ACTIVE', '1'), false) as active
from input
