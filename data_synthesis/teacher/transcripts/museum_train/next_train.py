from bisect import bisect_left
from datetime import date

# departures from Leeds, weekdays first, then weekends
TIMETABLE = {
    "Skipton": (
        ["17:26", "18:26", "19:26", "20:19", "20:56", "21:56", "23:18"],
        ["18:04", "19:34", "21:04", "22:51"],
    ),
    "Ilkley": (["18:02", "19:02", "20:15", "21:15", "22:45"], ["18:15", "20:15", "22:15"]),
    "York": (["20:45", "20:59", "21:15"], ["20:48", "21:22"]),
}


def next_train(destination, travel_date, not_before, origin="Leeds"):
    """The first direct train that leaves at or after a time of day."""
    if origin != "Leeds":
        raise ValueError("only departures from Leeds are known")
    if destination not in TIMETABLE:
        raise ValueError(f"no direct trains to {destination}")
    hours, _, minutes = not_before.partition(":")
    if not (len(hours) == len(minutes) == 2 and (hours + minutes).isdigit()):
        raise ValueError("not_before must look like 08:05")
    weekend = date.fromisoformat(travel_date).weekday() > 4
    departures = TIMETABLE[destination][weekend]
    index = bisect_left(departures, not_before)
    if index == len(departures):
        return {"departure": None, "message": "no train after that time"}
    return {"departure": departures[index], "direct": True}
