from datetime import date as calendar_date
from typing import NamedTuple


class Terms(NamedTuple):
    per_person: float
    weekend_per_person: float
    peak_starts: str
    peak_surcharge: float
    smallest_party: int  # smaller parties pay no deposit


TERMS = {
    "Selam Kitchen": Terms(5.0, 7.5, "18:30", 2.25, 3),
    "Addis Hearth": Terms(4.0, 4.0, "19:00", 3.0, 6),
    "Casa Tres Hojas": Terms(8.0, 10.0, "18:00", 1.5, 5),
}


def booking_deposit(restaurant, date, time, party_size):
    if restaurant not in TERMS:
        raise ValueError(f"no deposit terms on file for {restaurant}")
    if party_size < 1:
        raise ValueError("party_size must be positive")
    hours, _, mins = time.partition(":")
    if not (hours.isdigit() and mins.isdigit() and int(hours) < 24 and int(mins) < 60):
        raise ValueError(f"time must look like HH:MM, not {time!r}")
    terms = TERMS[restaurant]
    if party_size < terms.smallest_party:
        return {"deposit_usd": 0.0, "refundable_until_hours": None}
    weekend = calendar_date.fromisoformat(date).weekday() >= 5
    each = terms.weekend_per_person if weekend else terms.per_person
    if time >= terms.peak_starts:
        each += terms.peak_surcharge
    return {"deposit_usd": each * party_size, "refundable_until_hours": 24 if weekend else 6}
