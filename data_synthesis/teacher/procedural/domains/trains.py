"""Tickets, trains, the stations they stop at and the lines they run on."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import minutes_between, multiply

DOMAIN = Domain(
    "trains",
    Table(
        "ticket",
        kinds.code("T######"),
        link("train", "train", "the train for {x}", "Which train is {x} for?"),
        attr("seat", kinds.code("##?"), "the seat reserved with {x}", "Which seat goes with {x}?"),
        attr("coach", kinds.code("C##"), "the coach printed on {x}"),
        attr("passenger", kinds.PERSON, "the passenger with {x}", "Which passenger bought {x}?"),
        attr("refund", kinds.money(11, 180), "the refund for {x}", "How much refund is due for {x}?"),
        arg="ticket_number",
    ),
    Table(
        "train",
        kinds.code("IC-####"),
        link("line", "line", "the line of {x}", "Which line does {x} run on?"),
        link("driver", "driver", "the driver of {x}", "Who is the driver of {x}?"),
        link(
            "first_station", "station", "the first station of {x}", "At which first station does {x} start?"
        ),
        link("last_station", "station", "the last station of {x}", "At which last station does {x} end?"),
        attr("departure_time", kinds.TIME, "the departure time of {x}", "When does {x} leave?"),
        attr("arrival_time", kinds.TIME, "the arrival time of {x}", "When does {x} arrive?"),
        attr("price", kinds.money(14, 290), "the price of a ticket for {x}", "How much is a ticket for {x}?"),
        attr("capacity", kinds.integer(120, 940), "the passenger capacity of {x}"),
        arg="train_number",
    ),
    Table(
        "station",
        kinds.placed("Station"),
        attr("address", kinds.STREET, "the street address of {x}", "At which address is {x}?"),
        attr("opening_time", kinds.times(3, 8), "the opening time of {x}", "When does {x} open?"),
        attr("manager", kinds.PERSON, "the manager of {x}", "Who is the manager of {x}?"),
        attr("track_count", kinds.integer(11, 48), "the track count of {x}"),
        ref="the {}",
        arg="station_name",
    ),
    Table(
        "line",
        kinds.code("L##"),
        attr("color", kinds.COLOUR, "the map color of {x}", "What color is {x} on the map?"),
        attr(
            "operator",
            kinds.placed("Railways"),
            "the operator of {x}",
            "Which company is the operator of {x}?",
        ),
        attr("length", kinds.integer(31, 870, measure="distance"), "the length of {x}"),
        attr("opening_year", kinds.integer(1848, 2019), "the opening year of {x}"),
        arg="line_code",
    ),
    Table(
        "driver",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("start_date", kinds.dates("2004-04-01", 7000), "the start date of {x}"),
        attr("license", kinds.code("TD-####"), "the license held by {x}", "Which license does {x} hold?"),
        link("home_station", "station", "the home station of {x}", "Which home station does {x} have?"),
        arg="driver_name",
    ),
    Table(
        "stop",
        (link("train", "train", arg="train_number"), link("station", "station", arg="station_name")),
        attr("platform", kinds.code("##?"), "the platform at {station} for {train}"),
        attr("delay", kinds.integer(11, 95), "the delay in minutes at {station} for {train}"),
        phrase="the {label} at {station} for {train}",
    ),
    lookups=(
        Find(
            "train",
            ("first_station", "last_station"),
            ("the train on the route from {first_station} to {last_station}",),
            by="route",
        ),
        Calc(
            "train",
            "total_price",
            multiply,
            uses=("price",),
            says=("the total price of {seats} seats on {x}", "the total price for {seats} people on {x}"),
            extra=(attr("seats", kinds.integer(2, 9), arg="seat_count"),),
            measure="money",
        ),
        Calc(
            "train",
            "duration",
            minutes_between,
            ("departure_time", "arrival_time"),
            ("the duration in minutes of {x}",),
        ),
    ),
    openers=(
        "I'm standing at the station.",
        "I commute every week.",
        "A group of us is travelling together.",
        "The app doesn't show me enough.",
    ),
)
