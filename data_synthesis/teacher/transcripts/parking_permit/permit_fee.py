KNOWN_TYPES = ("car", "motorcycle", "truck")


def permit_fee(city, zone, vehicle_type="car"):
    """Yearly fee of a resident parking permit."""
    for name, value in (("city", city), ("zone", zone), ("vehicle_type", vehicle_type)):
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{name} must be a text that is not empty")
    if vehicle_type not in KNOWN_TYPES:
        raise ValueError(f"vehicle_type must be one of {', '.join(KNOWN_TYPES)}")
    yearly = 64.5
    return {"amount": yearly, "currency": "USD", "valid_months": 12}
