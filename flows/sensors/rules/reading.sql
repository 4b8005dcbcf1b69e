-- rule: reading
-- doc: Degrees Celsius of either unit; what no sensor of the plant can have measured is set aside.
-- examples:
--   - name: Celsius
--     given: { value: 21.5, unit: C }
--     expect: { celsius: 21.5 }
--   - name: Fahrenheit
--     given: { value: 212, unit: F }
--     expect: { celsius: 100 }
--   - name: a broken wire
--     given: { value: 9999, unit: C }
--     expect: { reject: READING_INVALID }
--   - name: a unit that nobody knows
--     given: { value: 300, unit: K }
--     expect: { reject: READING_INVALID }
select
  row,
  case
    when unit = 'C' and value between -60 and 250 then value
    when unit = 'F' and value between -76 and 482 then (value - 32) / 1.8
    else error('READING_INVALID: value and unit are none that a sensor of the plant has')
  end as celsius
from input
