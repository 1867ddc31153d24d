"""Reservations, hotels, their managers and the companies that own them."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import add_percent, multiply

DOMAIN = Domain(
    "hotels",
    Table(
        "reservation",
        kinds.code("R-#####"),
        link("hotel", "hotel", "the hotel booked with {x}", "Which hotel is {x} for?"),
        attr("guest", kinds.PERSON, "the guest named on {x}", "Which guest made {x}?"),
        attr("room", kinds.integer(101, 899), "the room assigned to {x}", "Which room goes with {x}?"),
        attr("arrival_date", kinds.DATE, "the arrival date on {x}", "What is the arrival date for {x}?"),
        attr("status", kinds.choice("confirmed", "cancelled", "pending", "checked in", "no-show", "paid")),
        arg="reservation_id",
    ),
    Table(
        "hotel",
        kinds.named("Hotel"),
        attr("city", kinds.PLACE, "the city of {x}", "In which city is {x}?"),
        attr("rating", kinds.RATING, "the guest rating of {x}", "What rating do guests give {x}?"),
        attr("price", kinds.money(48, 420), "the price of a night at {x}", "How much is a night at {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("address", kinds.STREET, "the street address of {x}", "At which address is {x}?"),
        attr("capacity", kinds.integer(24, 480), "the capacity in guests of {x}"),
        link("manager", "manager", "the manager in charge of {x}", "Who is the manager of {x}?"),
        link("owner", "company", "the company that is owner of {x}", "Which company is the owner of {x}?"),
        ref="the {}",
        arg="hotel_name",
        vague="our hotel",
    ),
    Table(
        "manager",
        kinds.PERSON,
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("start_date", kinds.dates("2011-02-01", 4500), "the start date of {x}"),
        arg="manager_name",
    ),
    Table(
        "company",
        kinds.placed("Company"),
        attr("city", kinds.PLACE, "the home city of {x}", "In which city is {x} based?"),
        attr("revenue", kinds.money(210000, 9800000), "the yearly revenue of {x}"),
        attr("founding_year", kinds.integer(1890, 2015), "What is the founding year of {x}?"),
        link("director", "director", "the director in charge of {x}", "Who is the director of {x}?"),
        ref="the {}",
        arg="company_name",
        vague="that hotel company",
    ),
    Table(
        "director",
        kinds.PERSON,
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("birthday", kinds.dates("1950-01-01", 12000), "When is the birthday of {x}?"),
        arg="director_name",
    ),
    lookups=(
        Find("hotel", ("city",), ("the hotel in {city}", "Which hotel is there in {city}?")),
        Calc(
            "hotel",
            "total_price",
            multiply,
            uses=("price",),
            says=("the total price of {nights} nights at {x}", "the total price for {nights} nights at {x}"),
            extra=(attr("nights", kinds.integer(2, 14)),),
            measure="money",
        ),
        Calc(
            "hotel",
            "price_with_tax",
            add_percent,
            uses=("price",),
            says=("the price with tax of {percent} percent for a night at {x}",),
            extra=(attr("percent", kinds.integer(5, 19), arg="tax_percent"),),
            measure="money",
        ),
    ),
    openers=(
        "We're planning a weekend away.",
        "I'm arranging rooms for a conference.",
        "A guest called and I have to answer quickly.",
        "I'm comparing places to stay.",
    ),
)
