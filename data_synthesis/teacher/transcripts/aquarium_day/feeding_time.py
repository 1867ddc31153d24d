from datetime import date

SCHEDULES = {
    "Tidewater Aquarium": {
        "weekday": {"sea otter": "10:30", "sand tiger shark": "14:00", "moon jelly": "15:15"},
        "weekend": {"sea otter": "11:45", "sand tiger shark": "13:30", "moon jelly": "16:00"},
    },
    "Bayfront Science Center": {
        "weekday": {"horseshoe crab": "11:00"},
        "weekend": {"horseshoe crab": "12:15", "river turtle": "14:45"},
    },
}


def feeding_time(venue, animal, visit_date):
    """When visitors can watch an animal being fed on a given day."""
    schedule = SCHEDULES.get(venue)
    if schedule is None:
        raise ValueError(f"no feeding schedule for {venue}")
    weekend = date.fromisoformat(visit_date).isoweekday() >= 6
    talks = schedule["weekend" if weekend else "weekday"]
    name = animal.strip().lower().removesuffix("s")
    if name not in talks:
        return {"fed_in_public": False}
    return {"fed_in_public": True, "starts": talks[name], "minutes": 20}
