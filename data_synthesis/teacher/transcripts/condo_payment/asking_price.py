class PriceHistory:
    """Prices of one listing, newest last."""

    def __init__(self, *changes):
        self.changes = changes

    def on(self, day):
        known = [price for since, price in self.changes if since <= day]
        if not known:
            raise ValueError(f"the listing was not on the market on {day}")
        return known[-1]


HISTORY = {
    "TC-1932207": PriceHistory(("2025-10-02", 415_000), ("2026-01-14", 397_500)),
    "TC-1932410": PriceHistory(("2025-12-11", 339_000)),
    "TC-1932501": PriceHistory(("2025-11-20", 299_500), ("2026-02-01", 289_900)),
    "PK-0447120": PriceHistory(("2026-01-05", 365_000)),
}


def asking_price(listing_id, as_of="2026-03-01"):
    """The price asked for a listing on a given day."""
    if listing_id not in HISTORY:
        raise ValueError(f"unknown listing {listing_id!r}")
    if len(as_of) != 10:
        raise ValueError("as_of must be YYYY-MM-DD")
    return {"asking_price_usd": HISTORY[listing_id].on(as_of)}
