-- rule: screen
-- doc: Parts payments that somebody has to look at from those that can be booked.
-- examples:
--   - name: small, from home
--     given: { kind: card, amount: "49.90", country: DE, purpose: Order 17 }
--     expect: { amount: "49.90" }
--   - name: large, from home
--     given: { kind: transfer, amount: "25000.00", country: DE, purpose: Invoice 2024-117 }
--     expect: { amount: "25000.00" }
--   - name: large, from nobody knows where
--     given: { kind: card, amount: "10000.00", country: null }
--     expect: { $topic: payments.suspect, suspicion: large from abroad }
--   - name: gift cards by transfer
--     given: { kind: transfer, amount: "600.00", country: DE, purpose: 500 GIFT CARDS please }
--     expect: { $topic: payments.suspect, suspicion: gift cards }
--   - name: one gift card
--     given: { kind: card, amount: "50.00", country: DE, purpose: a gift card }
--     expect: { amount: "50.00" }
--   - name: a purpose that says nothing
--     given: { kind: transfer, amount: "2500.00", country: NL, purpose: null }
--     expect: { $topic: payments.suspect, suspicion: no purpose }
select
  row,
  case
    when amount >= 10000 and (country is null or country not in ('AT', 'BE', 'DE', 'FR', 'NL')) then 'payments.suspect'
    when amount >= 500 and lower(purpose) like '%gift card%' then 'payments.suspect'
    when kind = 'transfer' and amount >= 2000 and (purpose is null or purpose not like '%_') then 'payments.suspect'
  end as topic,
  case
    when amount >= 10000 and (country is null or country not in ('AT', 'BE', 'DE', 'FR', 'NL')) then 'large from abroad'
    when amount >= 500 and lower(purpose) like '%gift card%' then 'gift cards'
    when kind = 'transfer' and amount >= 2000 and (purpose is null or purpose not like '%_') then 'no purpose'
  end as suspicion
from input
