import re

CATALOG = {
    ("The Salt Atlas", "large_print"): {
        "copies": 3,
        "waiting": [("spokane", 11), ("cheney", 2), ("spokane", 4)],
    },
    ("The Salt Atlas", "hardcover"): {"copies": 14, "waiting": [("spokane", 46), ("cheney", 9)]},
    ("The Salt Atlas", "audiobook"): {"copies": 6, "waiting": [("spokane", 38)]},
    ("Nine Ferries", "large_print"): {"copies": 1, "waiting": [("spokane", 1)]},
    ("Nine Ferries", "hardcover"): {"copies": 5, "waiting": []},
    ("A Ledger of Rain", "audiobook"): {"copies": 2, "waiting": [("cheney", 7), ("spokane", 3)]},
}
LOAN_WEEKS = 2


def hold_queue(title, book_format, library_system):
    """How many holds are ahead of a new one, and about how long they take."""
    if not re.fullmatch(r"hardcover|large_print|audiobook", book_format):
        raise ValueError("book_format must be hardcover, large_print or audiobook")
    if (title.strip(), book_format) not in CATALOG:
        raise ValueError(f"{title!r} is not held in that format")
    record = CATALOG[title.strip(), book_format]
    systems = {system for entry in CATALOG.values() for system, _ in entry["waiting"]}
    if library_system.lower() not in systems:
        raise ValueError(f"library_system must be one of {', '.join(sorted(systems))}")
    ahead = sum(count for system, count in record["waiting"] if system == library_system.lower())
    return {"holds_ahead": ahead, "weeks": -(-ahead * LOAN_WEEKS // record["copies"])}
