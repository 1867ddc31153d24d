from typing import NamedTuple


class Rates(NamedTuple):
    resident: float
    visitor: float
    technology: float  # per credit hour
    once: float


RATES = {
    "Tamarack State": Rates(287.3, 512.0, 12.0, 69.0),
    "Tamarack State Lakeside": Rates(264.8, 471.6, 12.0, 69.0),
    "Ellery Polytechnic": Rates(334.0, 334.0, 21.5, 110.0),
}


def summer_bill(school, credit_hours, resident):
    """What a visiting student is billed for a summer course."""
    if school not in RATES:
        raise ValueError(f"{school} has no summer term")
    if credit_hours < 1:
        raise ValueError("credit_hours must be at least 1")
    rates = RATES[school]
    hourly = rates.resident if resident else rates.visitor
    return {"school": school, "billed": round(credit_hours * (hourly + rates.technology) + rates.once, 2)}
