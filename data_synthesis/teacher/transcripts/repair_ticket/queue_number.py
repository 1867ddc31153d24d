# cafe, day and queue: the last number that was given out
LAST = {
    ("Fennel Road", "2026-05-16"): {"wheel": 117, "brakes": 64, "lamp": 31},
    ("Fennel Road", "2026-05-23"): {"wheel": 12, "lamp": 5},
    ("Old Dairy", "2026-05-16"): {"clothes": 48, "lamp": 22},
}
LETTERS = {"wheel": "W", "brakes": "B", "lamp": "L", "clothes": "C"}


def queue_number(cafe, date, repair):
    """The number that the next visitor gets."""
    if (cafe, date) not in LAST:
        raise ValueError(f"the cafe {cafe} is closed on {date}")
    numbers = LAST[cafe, date]
    if repair not in numbers:
        raise ValueError(f"{cafe} repairs {', '.join(numbers)} on {date}")
    numbers[repair] += 1
    return {"number": f"{LETTERS[repair]}-{numbers[repair]}"}
