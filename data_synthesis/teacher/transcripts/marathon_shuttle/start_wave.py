# name of the wave, slowest expected time, start
WAVES = {
    "Cape Sorrel Marathon": [
        ("Amber", "3:00:00", "08:00"),
        ("Coral", "3:25:00", "08:10"),
        ("Teal", "3:55:00", "08:20"),
        ("Violet", "4:30:00", "08:35"),
        ("Slate", "6:00:00", "08:50"),
    ],
    "Linden Half": [("North", "1:35:00", "09:30"), ("South", "2:45:00", "09:45")],
}


def start_wave(race, expected_time):
    """The fastest wave that an expected time is slow enough for."""
    if race not in WAVES:
        raise ValueError(f"no start waves of {race}")
    hours, minutes, seconds = expected_time.split(":")
    expected = (int(hours), int(minutes), int(seconds))
    for wave, slowest, start in WAVES[race]:
        if expected <= tuple(int(part) for part in slowest.split(":")):
            return {"wave": wave, "starts": start}
    raise ValueError(f"{expected_time} is over the time limit of {race}")
