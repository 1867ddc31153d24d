"""Loans, books, authors, branches and members of a public library."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Column, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import product

DOMAIN = Domain(
    "library",
    Table(
        "loan",
        kinds.code("L-####"),
        link("book", "book", "the book lent as {x}", "Which book is on {x}?"),
        link("member", "member", "the member who has {x}", "Which member has {x}?"),
        attr(
            "due_date",
            kinds.DATE,
            "the due date of {x}",
            "What is the due date on {x}?",
            "When must {x} be returned?",
        ),
        attr("status", kinds.choice("active", "overdue", "returned", "renewed", "lost", "reserved")),
        arg="loan_id",
    ),
    Table(
        "book",
        kinds.named(prefix="The"),
        link("author", "author", "the author who wrote {x}", "Who is the author of {x}?"),
        link("branch", "branch", "the branch that holds {x}", "Which branch holds {x}?"),
        attr("shelf", kinds.code("?-##"), "the shelf where {x} stands", "On which shelf is {x}?"),
        attr(
            "page_count",
            kinds.integer(90, 980),
            "What page count does {x} have?",
            "How many pages long is {x}?",
        ),
        attr("publication_year", kinds.integer(1921, 2024), "the publication year of {x}"),
        attr("daily_fine", kinds.decimal(0.15, 2.4, 2, "money"), "the daily fine for keeping {x} too long"),
        ref='the book "{}"',
        arg="title",
        vague="the book I want",
    ),
    Table(
        "author",
        kinds.PERSON,
        attr("birthplace", kinds.PLACE, "the birthplace of {x}", "What is the birthplace of {x}?"),
        attr("birthday", kinds.dates("1930-01-01", 20000), "When is the birthday of {x}?"),
        attr("award", kinds.placed("Prize"), "the award given to {x}", "Which award did {x} win?"),
        link("publisher", "publisher", "the publisher of the works of {x}", "Which publisher prints {x}?"),
        arg="author_name",
    ),
    Table(
        "publisher",
        kinds.named("Press"),
        attr("city", kinds.PLACE, "the city where {x} is based", "In which city is {x} based?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("founding_year", kinds.integer(1820, 2010)),
        ref="{}",
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
        ref="{}",
        arg="branch_name",
        vague="my branch",
    ),
    Table(
        "member",
        kinds.PERSON,
        attr("card_number", kinds.code("C#######"), "the card number of {x}"),
        attr("email", kinds.EMAIL, "the email address of {x}", "What email did {x} register?"),
        attr(
            "balance",
            kinds.decimal(0.5, 48.0, 2, "money"),
            "the unpaid balance of {x}",
            "What balance does {x} still owe?",
        ),
        arg="member_name",
    ),
    lookups=(
        Find("loan", ("book", "member"), ("the loan of {book} to {member}",)),
        Calc(
            "book",
            "late_fee",
            product,
            ("daily_fine",),
            (
                "the late fee for keeping {book} {days} days too long",
                "What late fee is due on {book} after {days} days?",
            ),
            (Column("days", kinds.integer(3, 40), arg="days_late"),),
            "money",
        ),
    ),
    openers=(
        "I work at the front desk of the library.",
        "I'm tidying up my reading list.",
        "A reader phoned with a request.",
        "I have to return a few things this week.",
    ),
)
