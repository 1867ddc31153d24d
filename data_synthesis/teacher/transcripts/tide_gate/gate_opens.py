from datetime import date as calendar_date
from datetime import datetime, timedelta
from math import acos, pi

# height of the sill, mean water level and half of the tidal range, in meters above chart datum
MARINAS = {
    "Penhallow": (2.1, 3.2, 2.2),
    "St. Brannoc": (1.4, 2.9, 1.9),
    "Carrick Basin": (0.9, 2.6, 1.7),
}
DELAY = {"Penhallow": 0, "St. Brannoc": 25, "Carrick Basin": -40}  # minutes after Penhallow
REFERENCE = datetime(2026, 1, 1, 4, 10)  # a high water at Penhallow
PERIOD = timedelta(hours=12, minutes=25)


def gate_opens(marina, date, tide, draft_m, clearance_m):
    """The time from which a rising tide lets a boat over the sill, to the minute."""
    if marina not in MARINAS:
        raise ValueError(f"no sill known at {marina}; marinas are {', '.join(MARINAS)}")
    if tide not in ("morning", "evening"):
        raise ValueError("tide must be morning or evening")
    sill, mean, half_range = MARINAS[marina]
    above_mean = (sill + draft_m + clearance_m - mean) / half_range
    if draft_m <= 0 or not -1 < above_mean < 1:
        raise ValueError("the gate does not open for such a boat")
    midnight = datetime.combine(calendar_date.fromisoformat(date), datetime.min.time())
    first = REFERENCE + timedelta(minutes=DELAY[marina])
    high = first + -((first - midnight) // PERIOD) * PERIOD
    before_high = acos(above_mean) / (2 * pi) * PERIOD
    opens = high + (PERIOD if tide == "evening" else timedelta()) - before_high
    return {"opens": opens.strftime("%H:%M")}
