-- rule: euros
-- doc: What a payment comes to in euros, in decimals throughout.
-- examples:
--   - name: dollars
--     given: { amount: "100.00", rate: "0.921500" }
--     expect: { euros: "92.15" }
--   - name: half a cent
--     given: { amount: "0.10", rate: "0.950000" }
--     expect: { euros: "0.10" }
--   - name: euros
--     given: { amount: "7.35", rate: "1.000000" }
--     expect: { euros: "7.35" }
select row, round(amount * rate, 2)::decimal(12, 2) as euros
from input
