PLANS = {
    "Northlight Plus": {
        "CA": {("basic", True): 7.99, ("standard", False): 13.49, ("premium", False): 18.99},
        "US": {("basic", True): 6.99, ("standard", False): 11.99},
    },
    "Orbit": {
        "US": {("basic", True): 8.49, ("standard", False): 16.49},
        "GB": {("standard", False): 12.99},
        "CA": {("standard", False): 17.25},
    },
    "Fathom": {"CA": {("basic", True): 5.49, ("basic", False): 9.75}, "US": {("basic", False): 8.75}},
}


def plan_price(service, country, ad_free=False, billing="monthly"):
    """The cheapest plan of a streaming service, in local currency."""
    if service not in PLANS:
        raise ValueError(f"unknown service: {service}")
    if country not in PLANS[service]:
        raise ValueError(f"{service} is not offered in {country}")
    prices = [price for (_, has_ads), price in PLANS[service][country].items() if not (ad_free and has_ads)]
    if not prices:
        raise ValueError("no such plan")
    if billing == "monthly":
        return {"price": min(prices), "per": "month"}
    if billing == "yearly":
        return {"price": round(min(prices) * 10, 2), "per": "year"}
    raise ValueError("billing must be monthly or yearly")
