PAY_BANDS = {  # yearly gross in Denver
    "A3": (61_400, 74_900),
    "A5": (88_750, 112_300),
    "P4": (83_100, 99_850),
    "T2": (97_200, 131_000),
}
CITY_FACTOR = {"Denver": 1.0, "Boulder": 1.06, "Tulsa": 0.92}
POSITIONS = {
    "CL-48213": ("A5", "Denver"),
    "CL-48230": ("A3", "Denver"),
    "CL-47752": ("A5", "Tulsa"),
    "CL-48377": ("P4", "Denver"),
    "RB-10101": ("T2", "Boulder"),
}


def salary_range(job_id, bound="both"):
    """Yearly gross salary of a position in US dollars, rounded to fifty."""
    if bound not in ("lower", "upper", "both"):
        raise ValueError("bound must be lower, upper or both")
    if job_id not in POSITIONS:
        raise ValueError(f"no salary on file for position {job_id!r}")
    band, city = POSITIONS[job_id]
    low, high = (round(pay * CITY_FACTOR[city] / 50) * 50 for pay in PAY_BANDS[band])
    if bound == "lower":
        return {"minimum": low}
    if bound == "upper":
        return {"maximum": high}
    return {"minimum": low, "maximum": high}
