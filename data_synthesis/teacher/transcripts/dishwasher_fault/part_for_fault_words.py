FAULTS = {"E15": "water in the base pan: check the drain pump", "E09": "heating element"}


def part_for_fault(model, code):
    if code not in FAULTS:
        raise ValueError(f"unknown code {code}")
    return {"model": model, "meaning": FAULTS[code]}
