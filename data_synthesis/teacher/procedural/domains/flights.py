"""Bookings, flights, their captains and the airports they serve."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import minutes_between, multiply

DOMAIN = Domain(
    "flights",
    Table(
        "booking",
        kinds.code("??##??"),
        link("flight", "flight", "the flight booked under {x}", "the flight that {x} is for"),
        attr("seat", kinds.code("##?"), "the seat reserved under {x}", "Which seat is reserved under {x}?"),
        attr("passenger", kinds.PERSON, "the passenger named on {x}", "Who is the passenger on {x}?"),
        attr(
            "status",
            kinds.choice("confirmed", "cancelled", "on hold", "checked in", "refunded", "waitlisted"),
        ),
        attr(
            "meal", kinds.choice("vegan", "kosher", "halal", "low-salt", "child"), "the meal ordered on {x}"
        ),
        arg="booking_reference",
    ),
    Table(
        "flight",
        kinds.code("??-###"),
        link("captain", "captain", "the captain who flies {x}", "Who is the captain of {x}?"),
        link("origin", "airport", "the airport of origin of {x}", arg="origin_airport"),
        link("destination", "airport", "the destination airport of {x}", arg="destination_airport"),
        attr("gate", kinds.code("?##"), "the departure gate of {x}", "Which gate does {x} leave from?"),
        attr("price", kinds.money(60, 990), "the price of a seat on {x}", "How much is a ticket for {x}?"),
        attr("departure_time", kinds.TIME, "the planned departure time of {x}", "When does {x} take off?"),
        attr("arrival_time", kinds.TIME, "the planned arrival time of {x}", "When does {x} land?"),
        arg="flight_number",
    ),
    Table(
        "captain",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}", "How can I reach {x} by phone?"),
        attr("license", kinds.code("ATP-####"), "the pilot license of {x}", "Which license does {x} hold?"),
        attr("experience", kinds.integer(1200, 14500), "the experience in flight hours of {x}"),
        link("home_airport", "airport", "the home airport of {x}", "Which home airport does {x} have?"),
        arg="captain_name",
        vague="our captain",
    ),
    Table(
        "airport",
        kinds.code("???"),
        attr("city", kinds.PLACE, "the city served by {x}", "Which city does {x} serve?"),
        attr("elevation", kinds.integer(11, 2400), "the elevation in metres of {x}"),
        attr("manager", kinds.PERSON, "Who is the manager of {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        arg="airport_code",
    ),
    lookups=(
        Find(
            "flight",
            ("origin", "destination"),
            ("the flight on the route from {origin} to {destination}",),
            by="route",
        ),
        Calc(
            "flight",
            "total_price",
            multiply,
            uses=("price",),
            says=(
                "the total price for {seats} seats on {x}",
                "What total price do {seats} seats on {x} have?",
            ),
            extra=(attr("seats", kinds.integer(2, 9), arg="seat_count"),),
            measure="money",
        ),
        Calc(
            "flight",
            "duration",
            minutes_between,
            uses=("departure_time", "arrival_time"),
            says=("the duration in minutes of {x}", "What is the duration, in minutes, of {x}?"),
        ),
    ),
    openers=(
        "I'm sorting out a business trip.",
        "I fly out tomorrow and want to be prepared.",
        "Our travel desk is closed, so I'm asking you.",
        "A colleague asked me about a flight.",
    ),
)
