"""Rentals, cars, garages, drivers and insurers of a car rental company."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply, take_percent

DOMAIN = Domain(
    "car_rental",
    Table(
        "rental",
        kinds.code("CR-####?"),
        link("car", "car", "the car rented under {x}", "Which car was rented under {x}?"),
        link("renter", "renter", "the renter on {x}", "Which renter signed {x}?"),
        attr("return_date", kinds.DATE, "the return date of {x}", "On what return date does {x} end?"),
        attr("deposit", kinds.money(120, 1900), "the deposit for {x}", "What deposit was paid for {x}?"),
        attr("status", kinds.choice("reserved", "running", "returned", "late", "cancelled", "disputed")),
        arg="rental_number",
    ),
    Table(
        "car",
        kinds.code("??-##-??"),
        link("garage", "garage", "the garage with {x}", "In which garage is {x}?"),
        link("insurer", "insurer", "the insurer of {x}", "Which insurer covers {x}?"),
        attr("price", kinds.money(24, 290), "the price per day of {x}", "How much does {x} cost a day?"),
        attr("color", kinds.COLOUR, "the color of {x}", "What color is {x}?"),
        attr("mileage", kinds.integer(2100, 180000, measure="distance"), "the mileage of {x}"),
        attr("seat_count", kinds.integer(11, 55), "the seat count of {x}"),
        attr("inspection_date", kinds.DATE, "the inspection date of {x}"),
        arg="license_plate",
        vague="my rental car",
    ),
    Table(
        "garage",
        kinds.placed("Garage"),
        attr("city", kinds.PLACE, "the city of {x}", "In which city is {x}?"),
        attr("address", kinds.STREET, "the street address of {x}", "At which address is {x}?"),
        attr("closing_time", kinds.times(16, 23), "the closing time of {x}", "When does {x} close?"),
        attr("capacity", kinds.integer(21, 480), "the capacity in cars of {x}"),
        link("mechanic", "mechanic", "the mechanic at {x}", "Which mechanic works at {x}?"),
        ref="the {}",
        arg="garage_name",
    ),
    Table(
        "renter",
        kinds.PERSON,
        attr("license", kinds.code("DL######"), "the driving license of {x}", "Which license does {x} have?"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("address", kinds.STREET, "the home address of {x}", "At which address does {x} live?"),
        arg="renter_name",
    ),
    Table(
        "mechanic",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr(
            "hourly_rate", kinds.money(24, 140), "the hourly rate of {x}", "What hourly rate does {x} charge?"
        ),
        attr("rating", kinds.RATING, "the customer rating of {x}"),
        arg="mechanic_name",
    ),
    Table(
        "insurer",
        kinds.placed("Insurance"),
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("director", kinds.PERSON, "the director of {x}", "Who is the director of {x}?"),
        attr("premium", kinds.money(210, 2900), "the yearly premium at {x}", "What premium does {x} charge?"),
        ref="insurer {}",
        arg="insurer_name",
    ),
    lookups=(
        Find("car", ("garage", "color"), ("the car of color {color} in {garage}",), by="color"),
        Calc(
            "car",
            "total_price",
            multiply,
            uses=("price",),
            says=(
                "the total price of {days} days with {x}",
                "What total price do {days} days with {x} make?",
            ),
            extra=(attr("days", kinds.integer(2, 28), arg="day_count"),),
            measure="money",
        ),
        Calc(
            "car",
            "sale_price",
            take_percent,
            uses=("price",),
            says=("the sale price a day after {percent} percent discount for {x}",),
            extra=(attr("percent", kinds.integer(5, 40), arg="discount_percent"),),
            measure="money",
        ),
    ),
    openers=(
        "We're picking up a car for the holidays.",
        "I'm at the rental counter.",
        "Something about my bill looks wrong.",
        "I look after our company's fleet.",
    ),
)
