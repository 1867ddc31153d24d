"""Orders, products, bins, suppliers and forklifts of a warehouse."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply, take_percent

DOMAIN = Domain(
    "warehouse",
    Table(
        "order",
        kinds.code("PO-#####"),
        link("product", "product", "the product on {x}", "Which product does {x} contain?"),
        link("picker", "picker", "the picker for {x}", "Which picker handles {x}?"),
        attr(
            "quantity",
            kinds.integer(12, 980),
            "the ordered quantity on {x}",
            "What quantity does {x} ask for?",
        ),
        attr("ship_date", kinds.DATE, "the ship date of {x}", "On what ship date does {x} leave?"),
        attr("status", kinds.choice("open", "packed", "shipped", "cancelled", "on hold", "invoiced")),
        arg="order_number",
    ),
    Table(
        "product",
        kinds.code("SKU-####"),
        link("bin", "bin", "the bin that stores {x}", "Which bin stores {x}?"),
        link("supplier", "supplier", "the supplier of {x}", "Which supplier delivers {x}?"),
        attr("price", kinds.money(12, 890), "the unit price of {x}", "How much is one unit of {x}?"),
        attr("stock", kinds.integer(11, 4800), "the present stock of {x}", "How much stock of {x} is left?"),
        attr(
            "weight",
            kinds.decimal(0.2, 48, 1, "weight"),
            "the weight of one unit of {x}",
            "How heavy is {x}?",
        ),
        attr("color", kinds.COLOUR, "What color is {x}?"),
        arg="sku",
    ),
    Table(
        "bin",
        kinds.code("?##-##"),
        attr("aisle", kinds.integer(11, 96), "the aisle with {x}", "In which aisle is {x}?"),
        attr("capacity", kinds.integer(40, 900), "the capacity in litres of {x}"),
        attr("temperature", kinds.decimal(-19, 21, 1, "temperature"), "the temperature in {x}"),
        link("forklift", "forklift", "the forklift that serves {x}", "Which forklift serves {x}?"),
        arg="bin_code",
    ),
    Table(
        "supplier",
        kinds.named("Supplies"),
        attr("city", kinds.PLACE, "the home city of {x}", "In which city is {x} based?"),
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("rating", kinds.RATING, "the quality rating of {x}"),
        attr("owner", kinds.PERSON, "Who is the owner of {x}?"),
        ref="supplier {}",
        arg="supplier_name",
    ),
    Table(
        "forklift",
        kinds.code("FL-##"),
        attr("driver", kinds.PERSON, "the driver of {x}", "Who is the driver of {x}?"),
        attr("battery_level", kinds.integer(11, 99), "the battery level in percent of {x}"),
        attr("serial_number", kinds.code("??#####"), "the serial number of {x}"),
        arg="forklift_id",
    ),
    Table(
        "picker",
        kinds.PERSON,
        attr("badge", kinds.code("P-####"), "the badge worn by {x}", "Which badge belongs to {x}?"),
        attr("shift_start", kinds.times(4, 22), "the shift start of {x}"),
        attr("speed", kinds.integer(31, 190), "the speed in items per hour of {x}"),
        arg="picker_name",
    ),
    lookups=(
        Find("product", ("supplier", "bin"), ("the product stored in {bin} from {supplier}",), by="bin"),
        Calc(
            "product",
            "total_price",
            multiply,
            uses=("price",),
            says=(
                "the total price for {units} units of {x}",
                "What total price do {units} units of {x} have?",
            ),
            extra=(attr("units", kinds.integer(3, 60), arg="quantity"),),
            measure="money",
        ),
        Calc(
            "product",
            "sale_price",
            take_percent,
            uses=("price",),
            says=("the sale price after a discount of {percent} percent of {x}",),
            extra=(attr("percent", kinds.integer(5, 45), arg="discount_percent"),),
            measure="money",
        ),
    ),
    openers=(
        "The truck is waiting at the dock.",
        "I'm doing the monthly stock check.",
        "Our scanner is broken.",
        "Purchasing needs this right away.",
    ),
)
