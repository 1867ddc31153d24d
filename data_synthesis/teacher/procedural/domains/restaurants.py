"""Table bookings, restaurants, their chefs and suppliers."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import add_percent, multiply

DOMAIN = Domain(
    "restaurants",
    Table(
        "dinner",
        kinds.code("D-####"),
        link("restaurant", "restaurant", "the restaurant booked for {x}", "Which restaurant is {x} at?"),
        link("waiter", "waiter", "the waiter assigned to {x}", "Which waiter serves {x}?"),
        attr("date", kinds.DATE, "the planned date of {x}", "On what date is {x}?"),
        attr("bill", kinds.money(40, 900), "the bill for {x}", "How high is the bill for {x}?"),
        attr("host", kinds.PERSON, "Who is the host of {x}?"),
        arg="dinner_id",
    ),
    Table(
        "restaurant",
        kinds.named(prefix="The"),
        link("chef", "chef", "the head chef at {x}", "Which chef cooks at {x}?"),
        attr("city", kinds.PLACE, "In which city is {x}?"),
        attr("rating", kinds.RATING, "the average rating of {x}", "What rating does {x} have?"),
        attr(
            "cuisine", kinds.choice("Thai", "Greek", "Mexican", "Korean", "Turkish", "Peruvian", "Lebanese")
        ),
        attr("opening_time", kinds.times(8, 18), "the opening time at {x}", "When does {x} open?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("capacity", kinds.integer(24, 260), "the seating capacity of {x}"),
        attr("menu_price", kinds.money(18, 140), "the menu price at {x}", "How much is the menu at {x}?"),
        ref='the restaurant "{}"',
        arg="restaurant_name",
        vague="our usual restaurant",
    ),
    Table(
        "chef",
        kinds.PERSON,
        attr("birthplace", kinds.PLACE, "What is the birthplace of {x}?"),
        attr("award", kinds.placed("Award"), "the award won by {x}", "Which award did {x} win?"),
        attr("salary", kinds.money(2400, 9800), "the monthly salary of {x}"),
        link("supplier", "supplier", "the supplier trusted by {x}", "Which supplier does {x} use?"),
        arg="chef_name",
    ),
    Table(
        "waiter",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("locker", kinds.code("?##"), "Which locker belongs to {x}?"),
        attr("start_date", kinds.dates("2018-05-01", 2500), "the start date of {x}"),
        arg="waiter_name",
    ),
    Table(
        "supplier",
        kinds.named("Foods"),
        attr("city", kinds.PLACE, "the home city of {x}"),
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("delivery_time", kinds.times(4, 11), "the daily delivery time of {x}", "When does {x} deliver?"),
        attr("discount", kinds.integer(11, 38), "the discount in percent from {x}"),
        ref="supplier {}",
        arg="supplier_name",
    ),
    lookups=(
        Find("dinner", ("restaurant", "host"), ("the dinner of host {host} at {restaurant}",), by="host"),
        Calc(
            "restaurant",
            "group_price",
            multiply,
            uses=("menu_price",),
            says=("the group price for {guests} guests at {x}", "the group price of {guests} menus at {x}"),
            extra=(attr("guests", kinds.integer(3, 25), arg="guest_count"),),
            measure="money",
        ),
        Calc(
            "dinner",
            "bill_with_tip",
            add_percent,
            uses=("bill",),
            says=("the bill with a tip of {percent} percent for {x}",),
            extra=(attr("percent", kinds.integer(6, 24), arg="tip_percent"),),
            measure="money",
        ),
    ),
    openers=(
        "We're going out with friends.",
        "I'm organising a company dinner.",
        "My parents are visiting.",
        "I write about food for a local paper.",
    ),
)
