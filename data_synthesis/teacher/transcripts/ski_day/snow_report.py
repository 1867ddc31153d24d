REPORTS = """\
mountain,day,last 24 h,24 h before,base
Elk Saddle,2027-01-15,21,0,164
Elk Saddle,2027-01-16,8,21,169
Elk Saddle,2027-01-17,2,8,168
Gray Butte,2027-01-15,6,2,97
Gray Butte,2027-01-16,0,6,95
Gray Butte,2027-01-17,1,0,94
"""


def parse(text):
    header, *lines = text.splitlines()
    names = header.split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines]


def snow_report(mountain, day, window):
    """New snow on a mountain as reported on the morning of a day."""
    if window not in ("one_day", "two_days"):
        raise ValueError("window must be one_day or two_days")
    for report in parse(REPORTS):
        if report["mountain"] == mountain and report["day"] == day:
            fallen = int(report["last 24 h"])
            if window == "two_days":
                fallen += int(report["24 h before"])
            return {"snow_cm": fallen}
    raise ValueError(f"{mountain} has no report for {day}")
