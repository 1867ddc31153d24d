"""Parcels, their couriers, depots and customers."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Column, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import product

DOMAIN = Domain(
    "parcels",
    Table(
        "parcel",
        kinds.code("??#######"),
        link("courier", "courier", "the courier who delivers {x}", "Which courier is bringing {x}?"),
        link("depot", "depot", "the depot that holds {x}", "At which depot is {x} now?"),
        link("sender", "customer", "the sender of {x}", "Who is the sender of {x}?"),
        attr(
            "status",
            kinds.choice("in transit", "delivered", "at customs", "delayed", "returned", "collected"),
            "the delivery status of {x}",
        ),
        attr(
            "weight",
            kinds.decimal(0.3, 29.0, 1, "weight"),
            "the weight of {x}",
            "What weight was measured for {x}?",
            "How heavy is {x}?",
        ),
        attr(
            "delivery_date",
            kinds.DATE,
            "the planned delivery date of {x}",
            "On what delivery date will {x} arrive?",
        ),
        attr("locker", kinds.code("?##"), "the pickup locker of {x}", "Which locker is {x} in?"),
        arg="tracking_number",
    ),
    Table(
        "courier",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} use?"),
        attr("rating", kinds.RATING, "the customer rating of {x}"),
        attr(
            "license_plate",
            kinds.code("??-###"),
            "the license plate of the van of {x}",
            "What license plate is on the van of {x}?",
        ),
        attr("color", kinds.COLOUR, "the color of the van of {x}"),
        link("home_depot", "depot", "the home depot of {x}", "the depot that {x} starts from"),
        arg="courier_name",
        vague="my courier",
    ),
    Table(
        "depot",
        kinds.placed("Depot"),
        attr("city", kinds.PLACE, "the city where {x} is", "In which city is {x}?"),
        attr("address", kinds.STREET, "the street address of {x}", "What is the address of {x}?"),
        attr("manager", kinds.PERSON, "the manager at {x}", "Who is the manager of {x}?"),
        attr("opening_time", kinds.times(5, 11), "the opening time at {x}", "When does {x} open?"),
        attr(
            "capacity",
            kinds.integer(800, 60000),
            "the parcel capacity of {x}",
            "What capacity does {x} have?",
        ),
        link("region", "region", "the region that {x} serves", "Which region does {x} serve?"),
        ref="{}",
        arg="depot_name",
    ),
    Table(
        "customer",
        kinds.PERSON,
        attr("address", kinds.STREET, "the street address of {x}", "At which address does {x} live?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("account_number", kinds.code("K######"), "the account number of {x}"),
        arg="customer_name",
    ),
    Table(
        "region",
        kinds.placed("Region"),
        attr(
            "rate",
            kinds.decimal(1.1, 9.6, 2, "money"),
            "the rate per kilogram in {x}",
            "What rate applies per kilogram in {x}?",
        ),
        attr("director", kinds.PERSON, "the director for {x}", "Who is the director of {x}?"),
        attr("phone", kinds.PHONE, "the phone number of the office of {x}"),
        ref="the {}",
        arg="region_name",
    ),
    lookups=(
        Find(
            "parcel",
            ("depot", "locker"),
            ("the parcel in locker {locker} at {depot}", "Which parcel is in locker {locker} at {depot}?"),
        ),
        Calc(
            "region",
            "shipping_cost",
            product,
            ("rate",),
            (
                "the shipping cost of {kilograms} kilograms in {region}",
                "What shipping cost is charged for {kilograms} kilograms in {region}?",
            ),
            (Column("kilograms", kinds.integer(3, 60), arg="weight_kg"),),
            "money",
        ),
    ),
    openers=(
        "I'm waiting for something important.",
        "A customer is on the line and getting impatient.",
        "I run a small web shop.",
        "Something of mine seems to be stuck.",
    ),
)
