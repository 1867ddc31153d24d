import re

SHORTEST_KM, LONGEST_KM = 1.5, 100  # beyond, the formula does not hold


def seconds_of(clock):
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d):([0-5]\d)", clock)
    if not match:
        raise ValueError(f"a time must look like H:MM:SS, not {clock!r}")
    hours, minutes, seconds = map(int, match.groups())
    return hours * 3600 + minutes * 60 + seconds


def predict_race_time(distance_km, time, target_km, fatigue=1.06):
    """Time to expect over another distance: t * (target / distance) ** fatigue."""
    for distance in (distance_km, target_km):
        if not SHORTEST_KM <= distance <= LONGEST_KM:
            raise ValueError(f"distances must be from {SHORTEST_KM} to {LONGEST_KM} kilometers")
    expected = round(seconds_of(time) * (target_km / distance_km) ** fatigue)
    minutes, seconds = divmod(expected, 60)
    return {"expected_time": f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"}
