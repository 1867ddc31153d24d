"""Parcels, their couriers, depots and customers."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply

DOMAIN = Domain(
    "parcels",
    Table(
        "parcel",
        kinds.code("??#######"),
        link("courier", "courier", "the courier of {x}", "Which courier is bringing {x}?"),
        link("depot", "depot", "the depot that holds {x}", "At which depot is {x} now?"),
        link("sender", "customer", "the customer who is sender of {x}", "Who is the sender of {x}?"),
        attr(
            "status",
            kinds.choice("in transit", "delivered", "at customs", "delayed", "returned", "collected"),
        ),
        attr(
            "weight", kinds.decimal(0.3, 29.0, 1, "weight"), "How heavy is {x}?", "What weight does {x} have?"
        ),
        attr("delivery_date", kinds.DATE, "the planned delivery date of {x}", "When will {x} arrive?"),
        attr("locker", kinds.code("?##"), "the pickup locker of {x}", "Which locker is {x} in?"),
        arg="tracking_number",
    ),
    Table(
        "courier",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} use?"),
        attr("rating", kinds.RATING, "the customer rating of {x}"),
        attr("license_plate", kinds.code("??-###"), "the license plate on the van of {x}"),
        attr("color", kinds.COLOUR, "the color of the van of {x}"),
        link("home_depot", "depot", "the home depot of {x}", "Which home depot does {x} have?"),
        arg="courier_name",
    ),
    Table(
        "depot",
        kinds.placed("Depot"),
        attr("city", kinds.PLACE, "In which city is {x}?"),
        attr("address", kinds.STREET, "the street address of {x}", "What is the address of {x}?"),
        attr("manager", kinds.PERSON, "the manager at {x}", "Who is the manager of {x}?"),
        attr("opening_time", kinds.times(5, 11), "the opening time at {x}", "When does {x} open?"),
        attr("capacity", kinds.integer(800, 60000), "What capacity does {x} have?"),
        link("region", "region", "the region served by {x}", "Which region does {x} serve?"),
        ref="the {}",
        arg="depot_name",
    ),
    Table(
        "customer",
        kinds.PERSON,
        attr("address", kinds.STREET, "the street address of {x}", "At which address does {x} live?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("account_number", kinds.code("K######")),
        arg="customer_name",
        vague="one of our customers",
    ),
    Table(
        "region",
        kinds.placed("Region"),
        attr("rate", kinds.decimal(1.1, 9.6, 2, "money"), "the rate per kilogram in {x}"),
        attr("director", kinds.PERSON, "the director for {x}", "Who is the director of {x}?"),
        attr("phone", kinds.PHONE, "the phone number of the office of {x}"),
        ref="the {}",
        arg="region_name",
    ),
    lookups=(
        Find("parcel", ("depot", "locker"), ("the parcel in locker {locker} at {depot}",), by="locker"),
        Calc(
            "region",
            "shipping_cost",
            multiply,
            uses=("rate",),
            says=("the shipping cost of {kg} kg in {x}",),
            extra=(attr("kg", kinds.integer(3, 60), arg="weight_kg"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm waiting for something important.",
        "A customer is on the line and getting impatient.",
        "I run a small web shop.",
        "Something of mine seems to be stuck.",
    ),
)
