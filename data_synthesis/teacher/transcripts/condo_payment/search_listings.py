LISTINGS = {
    # id: (city, type, price, bedrooms, monthly fee, water view)
    "TC-1932207": ("Traverse City, MI", "condo", 397_500, 2, 310, True),
    "TC-1932410": ("Traverse City, MI", "condo", 339_000, 2, 275, False),
    "TC-1931866": ("Traverse City, MI", "condo", 418_900, 2, 465, True),
    "TC-1932055": ("Traverse City, MI", "house", 412_000, 3, 0, True),
    "TC-1932501": ("Traverse City, MI", "condo", 289_900, 1, 240, True),
    "PK-0447120": ("Petoskey, MI", "condo", 365_000, 2, 295, True),
    "PK-0447003": ("Petoskey, MI", "house", 388_000, 3, 0, False),
}


def search_listings(city, property_type, max_price, min_bedrooms=1, max_hoa=None, water_view=None):
    if property_type not in ("condo", "house", "land"):
        raise ValueError("property_type must be condo, house or land")
    if max_price <= 0 or min_bedrooms < 0:
        raise ValueError("max_price must be positive and min_bedrooms not negative")
    known = {place.lower() for place, *_ in LISTINGS.values()}
    if city.lower() not in known:
        raise ValueError(f"no listings in {city}; known are {', '.join(sorted(known))}")
    matches = []
    for listing_id, (place, kind, price, bedrooms, fee, view) in LISTINGS.items():
        if place.lower() != city.lower() or kind != property_type:
            continue
        if price > max_price or bedrooms < min_bedrooms:
            continue
        if max_hoa is not None and fee > max_hoa:
            continue
        if water_view is not None and view != water_view:
            continue
        matches.append(listing_id)
    return {"listing_ids": matches}
