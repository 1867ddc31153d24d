from collections import defaultdict

RIGHTS = """
The Ninth Deck: CA=Northlight Plus, US=Orbit, GB=Orbit, DE=Kanal Blau
Wake: CA=Orbit, US=Orbit, GB=Fathom
Saltborn: CA=Northlight Plus, US=Fathom, AU=Fathom
Ashfall Descent: CA=Fathom, US=Fathom
"""


def load_rights(text):
    services = defaultdict(dict)
    for line in text.strip().splitlines():
        title, offers = line.split(": ")
        for offer in offers.split(", "):
            country, service = offer.split("=")
            services[title][country] = service
    return services


def where_to_stream(title, country):
    """The subscription service that shows a title in a country (ISO code)."""
    rights = load_rights(RIGHTS)
    if title not in rights:
        raise ValueError(f"unknown title: {title}")
    if len(country) != 2 or not country.isupper():
        raise ValueError("country must be a two-letter code such as CA")
    return {"country": country, "service": rights[title].get(country)}
