PAY_BANDS = {"A3": (61_400, 74_900), "A5": (88_750, 112_300), "T2": (97_200, 131_000), "P4": (83_100, 99_850)}
POSITIONS = {"CL-48213": "A5", "CL-48230": "A3", "CL-48377": "P4", "RB-10101": "T2"}
TULSA_FACTOR = 0.92
TULSA_POSITIONS = {"CL-47752": "A5"}


def salary_range(job_id, bound="both"):
    """Yearly gross salary of a position in US dollars."""
    if job_id in POSITIONS:
        low, high = PAY_BANDS[POSITIONS[job_id]]
    elif job_id in TULSA_POSITIONS:
        low, high = (round(pay * TULSA_FACTOR) for pay in PAY_BANDS[TULSA_POSITIONS[job_id]])
    else:
        raise ValueError(f"no salary on file for position {job_id!r}")
    if bound == "lower":
        return {"minimum": low}
    if bound == "upper":
        return {"maximum": high}
    if bound == "both":
        return {"minimum": low, "maximum": high}
    raise ValueError("bound must be lower, upper or both")
