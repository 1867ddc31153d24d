# line, stop, kind of day, first and last bus
TIMETABLE = [
    ("14", "Harbor Square", "workday", "05:12", "23:48"),
    ("14", "Harbor Square", "saturday", "06:05", "23:20"),
    ("14", "Harbor Square", "sunday", "07:40", "21:35"),
    ("14", "Mill Lane", "workday", "05:26", "23:59"),
    ("14", "Mill Lane", "sunday", "07:54", "21:49"),
    ("22", "Harbor Square", "workday", "05:40", "22:10"),
    ("22", "Harbor Square", "sunday", "08:15", "19:55"),
]


def last_bus(line, stop, day):
    """When the last bus of a line leaves a stop."""
    if not any(row[0] == line for row in TIMETABLE):
        raise ValueError(f"there is no line {line}")
    if not any(row[1] == stop for row in TIMETABLE):
        raise ValueError(f"there is no stop {stop}")
    if day not in ("workday", "saturday", "sunday"):
        raise ValueError("day must be workday, saturday or sunday")
    names = ("line", "stop", "day", "first", "last")
    return {"departures": [dict(zip(names, row, strict=True)) for row in TIMETABLE]}
