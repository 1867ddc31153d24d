PADS = [
    {"car": "2014 Subaru Outback", "axle": "front", "compound": "ceramic", "sku": "GH-BP-20957"},
    {"car": "2014 Subaru Outback", "axle": "front", "compound": "semi-metallic", "sku": "GH-BP-20951"},
    {"car": "2014 Subaru Outback", "axle": "rear", "compound": "ceramic", "sku": "GH-BP-21040"},
    {"car": "2018 Subaru Outback", "axle": "front", "compound": "ceramic", "sku": "GH-BP-22615"},
    {"car": "2014 Subaru Forester", "axle": "front", "compound": "ceramic", "sku": "GH-BP-20760"},
    {"car": "2014 Honda Fit", "axle": "front", "compound": "ceramic", "sku": "GH-BP-15388"},
]


def find_part(vehicle, axle, compound="semi-metallic"):
    """SKU of a brake pad kit."""
    if axle not in ("front", "rear"):
        raise ValueError(f"axle must be front or rear, not {axle!r}")
    if compound not in ("ceramic", "semi-metallic"):
        raise ValueError(f"compound must be ceramic or semi-metallic, not {compound!r}")
    of_car = [kit for kit in PADS if kit["car"].lower() == vehicle.strip().lower()]
    if not of_car:
        raise ValueError(f"no brake pads listed for a {vehicle}")
    fitting = [kit for kit in of_car if kit["axle"] == axle and kit["compound"] == compound]
    if not fitting:
        return {"in_stock": False}
    return {"in_stock": True, "sku": fitting[0]["sku"]}
