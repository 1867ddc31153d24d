# dollars per credit, and fees of a term
COLLEGES = {
    "Fernhill College": {
        "resident": 262.0,
        "out_of_state": 441.5,
        "fees": {"registration": 55.0, "campus": 64.0},
    },
    "Port Ansel Community College": {
        "resident": 148.0,
        "out_of_state": 239.0,
        "fees": {"registration": 30.0, "campus": 18.5},
    },
}


def visiting_tuition(college, credits, residency, online=False):
    """Tuition and fees of a visiting student for one summer term."""
    if college not in COLLEGES:
        raise ValueError(f"college must be one of {', '.join(COLLEGES)}")
    if residency not in ("resident", "out_of_state"):
        raise ValueError("residency must be resident or out_of_state")
    if not 1 <= credits <= 9:
        raise ValueError("credits must be from 1 to 9")
    terms = COLLEGES[college]
    fees = sum(fee for name, fee in terms["fees"].items() if not (online and name == "campus"))
    return {"total_usd": round(credits * terms[residency] + fees, 2)}
