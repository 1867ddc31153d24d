import json

OFFERS = json.loads("""
{
  "The Glass Orchard|2026-05-21": {"Floor": 79.0, "Lower Tier 110": 61.5, "Balcony Left": 42.0, "Balcony Rear": 46.5},
  "The Glass Orchard|2026-05-19": {"Orchestra": 74.0, "Mezzanine Right": 49.5},
  "The Glass Orchard|2026-11-05": {"Floor": 85.0, "Gallery East": 51.0, "Gallery West": 48.0},
  "Marigold Static|2026-04-30": {"Floor": 38.0, "Balcony Center": 33.0}
}
""")
ACCESSIBLE = {"Floor", "Orchestra", "Lower Tier 110", "Balcony Rear", "Gallery West", "Balcony Center"}


def cheapest_section(artist, date, accessible_only=False, max_price=None):
    sections = OFFERS.get(f"{artist}|{date}")
    if sections is None:
        raise ValueError(f"no tickets on sale for {artist} on {date}")
    offered = {
        name: price
        for name, price in sections.items()
        if (name in ACCESSIBLE or not accessible_only) and (max_price is None or price <= max_price)
    }
    if not offered:
        return {"section": None}
    return {"section": min(offered, key=lambda name: offered[name])}
