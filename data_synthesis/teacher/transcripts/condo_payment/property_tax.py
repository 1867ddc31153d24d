# taxable value, mills for a main home, mills for a second home
PARCELS = """
TC-1932207|171640|27.4118|45.1532
TC-1932410|148205|27.4118|45.1532
TC-1932501|120300|27.4118|45.1532
PK-0447120|139900|24.0275|41.6310
"""


def property_tax(listing_id, main_home=True):
    """Property tax of a listing for one year, in US dollars. A mill is one dollar for each thousand of value."""
    for line in PARCELS.split():
        parcel, value, mills_main, mills_second = line.split("|")
        if parcel == listing_id:
            mills = float(mills_main if main_home else mills_second)
            return {"year": 2026, "tax": round(int(value) * mills / 1000, 2)}
    raise ValueError(f"no parcel belongs to listing {listing_id}")
