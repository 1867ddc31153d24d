from math import hypot

# name, x and y in miles from the city center, open on Saturdays, takes photos
FACILITIES = [
    ("Cherrybell Post Office", 1.1, -1.4, False, True),
    ("Rincon Market Post Office", 1.4, 1.5, False, True),
    ("Himmel Grove Library", 2.3, 1.2, True, False),
    ("Rillito Post Office", 3.1, 4.4, True, True),
    ("Pima County Clerk", 0.2, 0.1, False, False),
    ("Vail Town Hall", 19.5, -14.0, True, True),
]
ZIP_CENTERS = {"85719": (1.6, 1.9), "85701": (0.0, 0.0), "85641": (18.8, -13.2)}


def acceptance_facility(zip_code, saturday=False, photo_service=False):
    """The nearest place that takes passport applications."""
    if zip_code not in ZIP_CENTERS:
        raise ValueError(f"ZIP code {zip_code} is outside the area")
    here = ZIP_CENTERS[zip_code]
    fitting = [
        (hypot(x - here[0], y - here[1]), name)
        for name, x, y, opens_saturday, photos in FACILITIES
        if (opens_saturday or not saturday) and (photos or not photo_service)
    ]
    distance, name = min(fitting)
    return {"name": name, "miles": round(distance, 1)}
