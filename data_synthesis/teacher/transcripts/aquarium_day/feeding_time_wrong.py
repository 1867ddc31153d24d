from datetime import date

WEEKDAY_TALKS = {"sea otter": "10:30", "sand tiger shark": "14:00", "moon jelly": "15:15"}
WEEKEND_TALKS = {"sea otter": "11:45", "sand tiger shark": "13:30", "moon jelly": "16:00"}


def feeding_time(venue, animal, visit_date):
    if venue != "Tidewater Aquarium":
        raise ValueError(f"no feeding schedule for {venue}")
    day = date.fromisoformat(visit_date)
    talks = WEEKEND_TALKS if day.isoweekday() == 7 else WEEKDAY_TALKS
    if animal not in talks:
        raise ValueError(f"no public feeding of {animal}")
    return {"starts": talks[animal], "minutes": 20}
