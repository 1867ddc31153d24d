import datetime

AREAS = {"302": "Atlanta South", "303": "Atlanta", "300": "Marietta"}
FREE = """Velluna;Atlanta South;2026-03-02 09:10
Velluna;Atlanta South;2026-03-06 10:40
Velluna;Atlanta South;2026-03-06 15:30
Velluna;Atlanta;2026-03-04 08:20
Brunnhof;Atlanta South;2026-03-05 13:00
Brunnhof;Marietta;2026-03-03 11:50"""


def first_appointment(maker, zip_code, not_before, afternoon_only=False):
    """First free appointment in an area, from a day on."""
    if not (len(zip_code) == 5 and zip_code.isdigit()):
        raise ValueError("zip_code must have five digits")
    if zip_code[:3] not in AREAS:
        raise ValueError(f"no technicians in {zip_code}")
    earliest = datetime.date.fromisoformat(not_before).isoformat()
    rows = [row.split(";") for row in FREE.splitlines()]
    times = [when for name, area, when in rows if name == maker and area == AREAS[zip_code[:3]]]
    fitting = [when for when in times if when >= earliest and (when[11:] >= "12:00" or not afternoon_only)]
    return {"area": AREAS[zip_code[:3]], "appointment": min(fitting, default=None)}
