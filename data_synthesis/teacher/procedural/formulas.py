"""What tools compute. Each function here is both called while an arena is made and written into its tools."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache


def multiply(value, count):
    return round(value * count, 2)


def add(first, second):
    return round(first + second, 2)


def subtract(whole, part):
    return round(whole - part, 2)


def add_percent(value, percent):
    return round(value * (100 + percent) / 100, 2)


def take_percent(value, percent):
    return round(value * (100 - percent) / 100, 2)


def divide(value, parts):
    return round(value / parts, 2)


def minutes_between(start, end):
    hours, minutes = (int(b) - int(a) for a, b in zip(start.split(":"), end.split(":"), strict=True))
    return (hours * 60 + minutes) % (24 * 60)


def convert(value, unit, units):
    factor, offset = units[unit][:2]
    return round(value * factor + offset, 2)


@cache
def source(function: Callable) -> str:
    """The text of one of the functions above, as it goes into a tool."""
    return inspect.getsource(function)


# measure -> (parameter, unit -> (factor, offset, as people say it)); the first unit is what tables hold.
MEASURES: dict[str, tuple[str, dict[str, tuple[float, float, str]]]] = {
    "money": (
        "currency",
        {
            "EUR": (1.0, 0.0, "in euros"),
            "USD": (1.09, 0.0, "in US dollars"),
            "GBP": (0.86, 0.0, "in British pounds"),
            "JPY": (163.5, 0.0, "in Japanese yen"),
        },
    ),
    "temperature": (
        "unit",
        {"celsius": (1.0, 0.0, "in Celsius"), "fahrenheit": (1.8, 32.0, "in Fahrenheit")},
    ),
    "distance": (
        "unit",
        {"km": (1.0, 0.0, "in kilometres"), "miles": (0.6214, 0.0, "in miles")},
    ),
    "length": (
        "unit",
        {"cm": (1.0, 0.0, "in centimetres"), "inches": (0.3937, 0.0, "in inches")},
    ),
    "weight": (
        "unit",
        {"kg": (1.0, 0.0, "in kilograms"), "lb": (2.2046, 0.0, "in pounds")},
    ),
    "area": (
        "unit",
        {"m2": (1.0, 0.0, "in square metres"), "sqft": (10.7639, 0.0, "in square feet")},
    ),
    "duration": (
        "unit",
        {"minutes": (1.0, 0.0, "in minutes"), "hours": (1 / 60, 0.0, "in hours")},
    ),
}
