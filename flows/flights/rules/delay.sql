-- rule: delay
-- doc: Classifies the delay, works out the speed, and checks the tail number against the American register.
-- examples:
--   - name: on time
--     given: { dep_delay: 2, distance: 1400, air_time: 240, tailnum: N14228 }
--     expect: { delay_class: on_time, speed_mph: 350, us_registered: true }
--   - name: early
--     given: { dep_delay: -1 }
--     expect: { delay_class: early }
--   - name: fifteen minutes are late
--     given: { dep_delay: 15 }
--     expect: { delay_class: late }
--   - name: an hour is very late
--     given: { dep_delay: 60 }
--     expect: { delay_class: very_late }
--   - name: no time in the air, not on the register
--     given: { dep_delay: 0, distance: 1400, air_time: null, tailnum: D942DN }
--     expect: { speed_mph: null, us_registered: false }
--   - name: no tail number
--     given: { dep_delay: 0, tailnum: null }
--     expect: { us_registered: null }
select
  row,
  case
    when dep_delay < 0 then 'early'
    when dep_delay < 15 then 'on_time'
    when dep_delay < 60 then 'late'
    else 'very_late'
  end as delay_class,
  distance * 60.0::double / air_time as speed_mph,
  tailnum like 'N%' as us_registered
from input
