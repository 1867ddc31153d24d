REPORTS = """\
Elk Saddle,2027-01-15,21,0
Elk Saddle,2027-01-16,8,21
Elk Saddle,2027-01-17,2,8
Gray Butte,2027-01-16,0,6
"""


def snow_report(mountain, day, window):
    for line in REPORTS.splitlines():
        name, reported, today, yesterday = line.split(",")
        if (name, reported) == (mountain, day):
            fallen = {"one_day": int(today), "two_days": int(today) + int(yesterday)}
            if window not in fallen:
                raise ValueError("window must be one_day or two_days")
            return {"snow_cm": fallen[window]}
    raise ValueError(f"{mountain} has no report for {day}")
