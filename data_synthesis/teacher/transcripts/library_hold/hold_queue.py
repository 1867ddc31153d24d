import re

HOLDS = {
    ("The Salt Atlas", "large_print"): {
        "copies": 3,
        "waiting": [("spokane", 11), ("cheney", 2), ("spokane", 4)],
    },
    ("The Salt Atlas", "hardcover"): {"copies": 14, "waiting": [("spokane", 46), ("cheney", 9)]},
    ("The Salt Atlas", "audiobook"): {"copies": 6, "waiting": [("spokane", 38)]},
    ("Nine Ferries", "large_print"): {"copies": 1, "waiting": [("spokane", 1)]},
    ("Nine Ferries", "hardcover"): {"copies": 5, "waiting": []},
}


def hold_queue(title, book_format, library_system):
    """How many holds are ahead of a new one, and the copies that serve them."""
    if not re.fullmatch(r"[a-z_]+", book_format):
        raise ValueError("book_format must be hardcover, large_print or audiobook")
    key = (title.strip(), book_format)
    if key not in HOLDS:
        raise ValueError(f"{title!r} is not held in that format")
    record = HOLDS[key]
    ahead = sum(count for system, count in record["waiting"] if system == library_system.lower())
    return {"title": key[0], "holds_ahead": ahead, "copies": record["copies"]}
