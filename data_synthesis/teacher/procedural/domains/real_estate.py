"""Listings, agents, agencies, buildings and tenants."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import add, multiply

DOMAIN = Domain(
    "real_estate",
    Table(
        "listing",
        kinds.code("RE-#####"),
        link("building", "building", "the building of {x}", "Which building is {x} in?"),
        link("agent", "agent", "the agent for {x}", "Which agent offers {x}?"),
        link("tenant", "tenant", "the tenant of {x}", "Which tenant lives in {x}?"),
        attr("rent", kinds.money(420, 3900), "the monthly rent of {x}", "How high is the rent for {x}?"),
        attr("heating_cost", kinds.integer(35, 290), "the heating cost of {x}"),
        attr(
            "area",
            kinds.integer(24, 240, measure="area"),
            "the living area of {x}",
            "How large an area has {x}?",
        ),
        attr("free_date", kinds.DATE, "the free date of {x}", "From what free date on can {x} be let?"),
        arg="listing_id",
        vague="the flat I saw",
    ),
    Table(
        "building",
        kinds.named("House"),
        link("agency", "agency", "the agency for {x}", "Which agency manages {x}?"),
        attr("address", kinds.STREET, "the street address of {x}", "At which address is {x}?"),
        attr("building_year", kinds.integer(1871, 2021), "the building year of {x}"),
        attr("caretaker", kinds.PERSON, "the caretaker of {x}", "Who is the caretaker of {x}?"),
        attr("height", kinds.integer(9, 140), "the height in metres of {x}"),
        attr("color", kinds.COLOUR, "the color of the front of {x}"),
        ref="the building {}",
        arg="building_name",
    ),
    Table(
        "agent",
        kinds.PERSON,
        link("agency", "agency", "the agency behind {x}", "Which agency does {x} work for?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("rating", kinds.RATING, "the client rating of {x}"),
        attr("license", kinds.code("LA-####"), "the license held by {x}"),
        arg="agent_name",
    ),
    Table(
        "agency",
        kinds.placed("Homes"),
        attr("city", kinds.PLACE, "the home city of {x}", "In which city is {x} based?"),
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("owner", kinds.PERSON, "the owner of {x}", "Who is the owner of {x}?"),
        attr("commission", kinds.decimal(1.1, 7.9, 2), "the commission in percent of {x}"),
        ref="the agency {}",
        arg="agency_name",
    ),
    Table(
        "tenant",
        kinds.PERSON,
        attr(
            "start_date",
            kinds.dates("2014-01-01", 4000),
            "the start date of {x}",
            "On what start date did {x} move in?",
        ),
        attr("deposit", kinds.money(700, 8800), "the deposit paid by {x}", "What deposit did {x} pay?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        arg="tenant_name",
    ),
    lookups=(
        Find(
            "listing",
            ("building", "area"),
            ("the listing with an area of {area} square metres in {building}",),
            by="area",
        ),
        Calc(
            "listing",
            "total_rent",
            add,
            ("rent", "heating_cost"),
            ("the total rent with heating of {x}",),
            measure="money",
        ),
        Calc(
            "listing",
            "rent_sum",
            multiply,
            uses=("rent",),
            says=("the rent sum over {months} months of {x}",),
            extra=(attr("months", kinds.integer(3, 36), arg="month_count"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm looking for a new place to live.",
        "We're managing a few properties.",
        "I have a viewing this afternoon.",
        "My landlord won't answer me.",
    ),
)
