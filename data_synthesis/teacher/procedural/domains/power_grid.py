"""Meters, substations, power plants, crews and outages of an electricity grid."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply, subtract

DOMAIN = Domain(
    "power_grid",
    Table(
        "outage",
        kinds.code("OUT-####"),
        link("substation", "substation", "the substation hit by {x}", "Which substation does {x} affect?"),
        link("crew", "crew", "the crew sent to {x}", "Which crew is repairing {x}?"),
        attr("cause", kinds.choice("storm", "flood", "fire", "animal", "overload", "vandalism", "corrosion")),
        attr("end_time", kinds.TIME, "the expected end time of {x}", "When will {x} be over?"),
        attr("household_count", kinds.integer(120, 48000), "the household count of {x}"),
        arg="outage_id",
    ),
    Table(
        "meter",
        kinds.code("M#######"),
        link("substation", "substation", "the substation that feeds {x}", "Which substation feeds {x}?"),
        attr("owner", kinds.PERSON, "the owner of {x}", "Who is the owner of {x}?"),
        attr(
            "reading", kinds.integer(5100, 98000), "the latest reading of {x}", "What reading does {x} show?"
        ),
        attr("earlier_reading", kinds.integer(900, 4900), "the earlier reading of {x}"),
        attr("rate", kinds.decimal(0.11, 0.49, 2, "money"), "the rate per kilowatt-hour for {x}"),
        arg="meter_number",
    ),
    Table(
        "substation",
        kinds.placed("Substation"),
        link("plant", "plant", "the plant that supplies {x}", "Which plant supplies {x}?"),
        attr("voltage", kinds.integer(11, 380), "the voltage in kilovolts at {x}", "What voltage has {x}?"),
        attr("load", kinds.integer(31, 96), "the load in percent at {x}", "How high is the load at {x}?"),
        attr("inspection_date", kinds.DATE, "the inspection date of {x}"),
        attr("address", kinds.STREET, "the street address of {x}"),
        ref="the {}",
        arg="substation_name",
    ),
    Table(
        "plant",
        kinds.placed("Power Plant"),
        attr(
            "capacity", kinds.integer(14, 1900), "the capacity in megawatts of {x}", "What capacity has {x}?"
        ),
        attr("fuel", kinds.choice("gas", "hydro", "wind", "solar", "biomass", "uranium"), "the fuel of {x}"),
        attr("director", kinds.PERSON, "the director of {x}", "Who is the director of {x}?"),
        attr("opening_year", kinds.integer(1921, 2022), "the opening year of {x}"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        ref="the {}",
        arg="plant_name",
    ),
    Table(
        "crew",
        kinds.code("CREW-##"),
        attr("leader", kinds.PERSON, "the leader of {x}", "Who is the leader of {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("license_plate", kinds.code("??-###"), "the license plate of the truck of {x}"),
        link("home_substation", "substation", "the home substation of {x}"),
        arg="crew_id",
    ),
    lookups=(
        Find("outage", ("crew", "cause"), ("the outage with cause {cause} assigned to {crew}",), by="cause"),
        Calc(
            "meter",
            "usage",
            subtract,
            ("reading", "earlier_reading"),
            ("the usage since the earlier reading of {x}",),
        ),
        Calc(
            "meter",
            "cost",
            multiply,
            uses=("rate",),
            says=("the cost of {kwh} kWh on {x}", "What cost do {kwh} kWh on {x} make?"),
            extra=(attr("kwh", kinds.integer(120, 4800), arg="kilowatt_hours"),),
            measure="money",
        ),
    ),
    openers=(
        "The lights went out this morning.",
        "I'm on duty in the control room.",
        "I have a question about the grid.",
        "We're checking last year's figures.",
    ),
)
