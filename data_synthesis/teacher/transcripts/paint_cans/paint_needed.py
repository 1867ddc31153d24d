# square meters that a liter covers twice
COVERAGE = {"Alabaster Matt": 5.0, "Chalk Hill": 6.4, "Marine Satin": 5.75, "Primer 60": 4.2}


def paint_needed(paint, length_m, width_m, height_m, openings_m2, coats):
    """Liters of paint for the walls of a room."""
    if paint not in COVERAGE:
        raise ValueError(f"paint must be one of {', '.join(COVERAGE)}")
    if min(length_m, width_m, height_m) <= 0 or openings_m2 < 0:
        raise ValueError("lengths must be positive and openings not negative")
    if not 1 <= coats <= 4:
        raise ValueError("coats must be from 1 to 4")
    walls = 2 * (length_m + width_m) * height_m - openings_m2
    if walls <= 0:
        raise ValueError("the openings are larger than the walls")
    return {"square_meters": round(walls, 2), "liters": round(walls / COVERAGE[paint], 2)}
