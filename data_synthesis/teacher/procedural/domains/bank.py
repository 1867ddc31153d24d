"""Accounts, cards, clients, advisers, branches and loans of a bank."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import add, add_percent, divide

DOMAIN = Domain(
    "bank",
    Table(
        "card",
        kinds.code("CARD-####"),
        link("account", "account", "the account behind {x}", "Which account does {x} draw on?"),
        attr("limit", kinds.money(400, 9500), "the monthly limit of {x}", "What limit does {x} have?"),
        attr("expiry_date", kinds.dates("2027-01-01", 1400), "the expiry date of {x}"),
        attr("status", kinds.choice("active", "blocked", "lost", "expired", "ordered", "frozen")),
        arg="card_number",
    ),
    Table(
        "account",
        kinds.code("A########"),
        link("client", "client", "the client who holds {x}", "Which client holds {x}?"),
        attr(
            "balance", kinds.decimal(12, 48000, 2, "money"), "the balance of {x}", "How much money is in {x}?"
        ),
        attr(
            "fee",
            kinds.decimal(1.1, 29, 2, "money"),
            "the monthly fee for {x}",
            "What fee is charged for {x}?",
        ),
        attr("reserve", kinds.decimal(12, 9000, 2), "the blocked reserve in {x}"),
        attr("opening_date", kinds.dates("2001-01-01", 8500), "the opening date of {x}"),
        arg="account_number",
    ),
    Table(
        "credit",
        kinds.code("CR-#####"),
        link("client", "client", "the client who took {x}", "Which client took {x}?"),
        attr("amount", kinds.money(2000, 480000), "the amount of {x}", "What amount was lent under {x}?"),
        attr(
            "rate", kinds.decimal(1.1, 9.9, 2), "the rate in percent for {x}", "What rate in percent has {x}?"
        ),
        attr("end_date", kinds.dates("2029-01-01", 6000), "the end date of {x}"),
        arg="credit_number",
    ),
    Table(
        "client",
        kinds.PERSON,
        link("adviser", "adviser", "the adviser of {x}", "Which adviser looks after {x}?"),
        attr("address", kinds.STREET, "the home address of {x}", "At which address does {x} live?"),
        attr(
            "employer", kinds.named("Works"), "the employer of {x}", "Which company is the employer of {x}?"
        ),
        attr("score", kinds.integer(310, 849), "the credit score of {x}", "What score does {x} have?"),
        arg="client_name",
    ),
    Table(
        "adviser",
        kinds.PERSON,
        link("branch", "branch", "the branch of {x}", "At which branch does {x} work?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("room", kinds.code("?##"), "the meeting room of {x}", "In which room is {x}?"),
        arg="adviser_name",
    ),
    Table(
        "branch",
        kinds.placed("Branch"),
        attr("city", kinds.PLACE, "the city of {x}", "In which city is {x}?"),
        attr("closing_time", kinds.times(14, 20), "the closing time of {x}", "When does {x} close?"),
        attr("manager", kinds.PERSON, "the manager of {x}", "Who is the manager of {x}?"),
        attr("safe_count", kinds.integer(40, 960), "the safe count at {x}"),
        ref="the {}",
        arg="branch_name",
    ),
    lookups=(
        Find(
            "credit",
            ("client", "amount"),
            ("the credit with an amount of {amount} euros to {client}",),
            by="amount",
        ),
        Calc("account", "total", add, ("balance", "reserve"), ("the total of balance and reserve in {x}",)),
        Calc(
            "credit",
            "installment",
            divide,
            uses=("amount",),
            says=("the installment over {months} months for {x}",),
            extra=(attr("months", kinds.integer(12, 240), arg="months"),),
            measure="money",
        ),
        Calc(
            "card",
            "raised_limit",
            add_percent,
            uses=("limit",),
            says=("the limit raised by {percent} percent for {x}",),
            extra=(attr("percent", kinds.integer(5, 60), arg="raise_percent"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm going through my finances.",
        "A client is sitting in front of me.",
        "Our tax adviser asked for this.",
        "I'm preparing a credit review.",
    ),
)
