COLLEGES = {
    "Tamarack State": {
        "resident": 299.3,
        "out_of_state": 524.0,
        "fees": {"registration": 69.0, "campus": 0.0},
    },
    "Ellery Polytechnic": {"resident": 355.5, "out_of_state": 355.5, "fees": {"registration": 110.0}},
}


def visiting_tuition(college, credits, residency, online=False):
    """Tuition and fees of a visiting student for one summer term."""
    if college not in COLLEGES:
        raise ValueError(f"college must be one of {', '.join(COLLEGES)}")
    terms = COLLEGES[college]
    return {"total_usd": round(credits * terms[residency] + sum(terms["fees"].values()), 2)}
