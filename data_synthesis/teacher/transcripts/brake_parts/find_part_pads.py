PADS = [
    {"car": "2014 Subaru Outback", "axle": "front", "compound": "ceramic", "sku": "GH-BP-20957"},
    {"car": "2014 Subaru Outback", "axle": "front", "compound": "semi-metallic", "sku": "GH-BP-20951"},
    {"car": "2014 Subaru Outback", "axle": "rear", "compound": "ceramic", "sku": "GH-BP-21040"},
    {"car": "2018 Subaru Outback", "axle": "front", "compound": "ceramic", "sku": "GH-BP-22615"},
    {"car": "2014 Honda Fit", "axle": "front", "compound": "ceramic", "sku": "GH-BP-15388"},
]


def find_part(vehicle, axle, compound="semi-metallic"):
    """SKU of a brake pad kit."""
    for kit in PADS:
        if kit["car"].lower() == vehicle.lower() and kit["axle"] == axle and kit["compound"] == compound:
            return {"sku": kit["sku"]}
    raise ValueError(f"no {compound} {axle} pads for {vehicle}")
