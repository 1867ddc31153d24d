"""Loans, books, authors, branches and members of a public library."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply

DOMAIN = Domain(
    "library",
    Table(
        "loan",
        kinds.code("L-####"),
        link("book", "book", "the book lent as {x}", "Which book is on {x}?"),
        link("member", "member", "the member responsible for {x}", "Which member has {x}?"),
        attr("due_date", kinds.DATE, "the due date of {x}", "When must {x} be returned?"),
        attr("status", kinds.choice("active", "overdue", "returned", "renewed", "lost", "reserved")),
        arg="loan_id",
    ),
    Table(
        "book",
        kinds.named(prefix="The"),
        link("author", "author", "Who is the author of {x}?", "the author behind {x}"),
        link("branch", "branch", "the branch that holds {x}", "Which branch holds {x}?"),
        attr("shelf", kinds.code("?-##"), "the shelf for {x}", "On which shelf is {x}?"),
        attr(
            "page_count", kinds.integer(90, 980), "What page count does {x} have?", "How many pages has {x}?"
        ),
        attr("publication_year", kinds.integer(1921, 2024)),
        attr("daily_fine", kinds.decimal(0.15, 2.4, 2, "money"), "the daily fine for {x}"),
        ref='the book "{}"',
        arg="title",
        vague="the book I want",
    ),
    Table(
        "author",
        kinds.PERSON,
        attr("birthplace", kinds.PLACE, "What is the birthplace of {x}?"),
        attr("birthday", kinds.dates("1930-01-01", 20000), "When is the birthday of {x}?"),
        attr("award", kinds.placed("Prize"), "the award won by {x}", "Which award did {x} win?"),
        link("publisher", "publisher", "the publisher that prints {x}", "Which publisher prints {x}?"),
        arg="author_name",
        vague="my favourite author",
    ),
    Table(
        "publisher",
        kinds.named("Press"),
        attr("city", kinds.PLACE, "the home city of {x}", "In which city is {x} based?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("founding_year", kinds.integer(1820, 2010)),
        ref="publisher {}",
        arg="publisher_name",
    ),
    Table(
        "branch",
        kinds.placed("Library"),
        attr("address", kinds.STREET, "the street address of {x}", "At which address is {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What is the phone number of {x}?"),
        attr("closing_time", kinds.times(16, 22), "the closing time at {x}", "When does {x} close?"),
        attr("capacity", kinds.integer(40, 600), "the seating capacity of {x}"),
        attr("manager", kinds.PERSON, "the manager in charge of {x}", "Who is the manager of {x}?"),
        ref="the branch {}",
        arg="branch_name",
        vague="my branch",
    ),
    Table(
        "member",
        kinds.PERSON,
        attr("card_number", kinds.code("C#######"), "the card number of {x}"),
        attr("email", kinds.EMAIL, "the email address of {x}", "What email did {x} register?"),
        attr("balance", kinds.decimal(0.5, 48.0, 2, "money"), "the unpaid balance of {x}"),
        arg="member_name",
    ),
    lookups=(
        Find("loan", ("book", "member"), ("the loan of {book} to {member}",), by="book"),
        Calc(
            "book",
            "late_fee",
            multiply,
            uses=("daily_fine",),
            says=(
                "the late fee after {days} days for {x}",
                "What late fee is due after {days} days for {x}?",
            ),
            extra=(attr("days", kinds.integer(3, 40), arg="days_late"),),
            measure="money",
        ),
    ),
    openers=(
        "I work at the front desk of the library.",
        "I'm tidying up my reading list.",
        "A reader phoned with a request.",
        "I have to return a few things this week.",
    ),
)
