"""What the flow must make of the year, worked out from the files alone, without any code of Quadrille.

    python3 flows/flights/expected.py > flows/flights/expected.json

Times are summed in minutes since the epoch, so that one wrong instant among all shows.
"""

import csv
import glob
import gzip
import json
import os
from collections import Counter
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data')
NEW_YORK = ZoneInfo('America/New_York')
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def rows(name):
    path = os.path.join(DATA, name)
    with (gzip.open(path, 'rt') if path.endswith('.gz') else open(path)) as file:
        for row in csv.DictReader(file):
            yield {key: None if text == 'NA' else text for key, text in row.items()}


def minutes(hhmm):
    return int(hhmm) // 100 * 60 + int(hhmm) % 100


def utc(day, minute, zone):
    return (day + timedelta(minutes=minute)).replace(tzinfo=zone).astimezone(timezone.utc)


def epoch(instant):
    return (instant - EPOCH) // timedelta(minutes=1)


def midnight(instant, zone):
    return instant.astimezone(zone).replace(hour=0, minute=0, tzinfo=None)


def first_after(instant, minute, zone):
    day = midnight(instant, zone)
    return min(t for n in (-1, 0, 1) if (t := utc(day + timedelta(days=n), minute, zone)) > instant)


def nearest(expected, minute, zone):
    day = midnight(expected, zone)
    return min((utc(day + timedelta(days=n), minute, zone) for n in (-1, 0, 1)), key=lambda t: abs(t - expected))


def delay_class(delay):
    return 'early' if delay < 0 else 'on_time' if delay < 15 else 'late' if delay < 60 else 'very_late'


def main():
    airports = {row['faa']: row for row in rows('airports.csv')}
    airlines = {row['carrier'] for row in rows('airlines.csv')}
    planes = {row['tailnum']: row for row in rows('planes.csv')}
    weather = {(row['origin'], row['time_hour']): row for row in rows('weather.csv.gz')}
    extracted = {name: sum(1 for _ in rows(file)) for name, file in
                 dict(airlines='airlines.csv', airports='airports.csv', planes='planes.csv', weather='weather.csv.gz').items()}
    total, dropped, rejected = Counter(), Counter(), Counter()
    nulls, sums, classes, registered = Counter(), Counter(), Counter(), Counter()
    for path in sorted(glob.glob(os.path.join(DATA, 'flights-2013-*.csv.gz'))):
        for flight in rows(path):
            total['extracted'] += 1
            if flight['dep_time'] is None:
                dropped['FLIGHT_CANCELLED'] += 1
                continue
            total['qualified'] += 1
            assert flight['carrier'] in airlines and flight['origin'] in airports
            if flight['dest'] not in airports:
                rejected[flight['dest']] += 1
                continue
            total['loaded'] += 1
            zone = ZoneInfo(airports[flight['dest']]['tzone'])
            day = datetime(int(flight['year']), int(flight['month']), int(flight['day']))
            delay = int(flight['dep_delay'])
            scheduled = utc(day, minutes(flight['sched_dep_time']), NEW_YORK)
            assert scheduled.replace(minute=0) == datetime.fromisoformat(flight['time_hour'])
            departed = nearest(scheduled + timedelta(minutes=delay), minutes(flight['dep_time']), NEW_YORK)
            arrival = first_after(scheduled, minutes(flight['sched_arr_time']), zone)
            arrived = None
            if flight['arr_time'] is not None:
                arrived = (nearest(arrival + timedelta(minutes=int(flight['arr_delay'])), minutes(flight['arr_time']), zone)
                           if flight['arr_delay'] is not None else first_after(departed, minutes(flight['arr_time']), zone))
            sums['scheduled_departure'] += epoch(scheduled)
            sums['departed'] += epoch(departed)
            sums['scheduled_arrival'] += epoch(arrival)
            if arrived is not None:
                sums['arrived'] += epoch(arrived)
            sums['distance'] += int(flight['distance'])
            classes[delay_class(delay)] += 1
            registered['null' if flight['tailnum'] is None else 'true' if flight['tailnum'].startswith('N') else 'false'] += 1
            plane = planes.get(flight['tailnum'])
            sums['plane_seats'] += 0 if plane is None else int(plane['seats'])
            hour = weather.get((flight['origin'], flight['time_hour']))
            for column, value in dict(tailnum=flight['tailnum'], air_time=flight['air_time'], arr_delay=flight['arr_delay'], arrived=arrived,
                                      plane_model=plane and plane['model'], plane_year=plane and plane['year'],
                                      visib=hour and hour['visib'], temp=hour and hour['temp'], wind_speed=hour and hour['wind_speed']).items():
                nulls[column] += value is None
    print(json.dumps({
        'extracted': {'reported': total['extracted'], **extracted},
        'dropped': {'qualify': dict(dropped)},
        'rejected': {'locate': {'code': 'LOOKUP_MISSING', 'field': 'dest', 'count': sum(rejected.values()), 'byDest': dict(sorted(rejected.items()))}},
        'passed': {'qualify': total['qualified'], 'locate': total['loaded']},
        'loaded': total['loaded'],
        'table': {'nulls': dict(sorted(nulls.items())), 'sums': dict(sorted(sums.items())),
                  'delay_class': dict(sorted(classes.items())), 'us_registered': dict(sorted(registered.items()))},
    }, indent=2))


main()
