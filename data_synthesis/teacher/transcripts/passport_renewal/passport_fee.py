from enum import Enum


class Document(Enum):
    adult_book = 130.0
    adult_card = 30.0
    child_book = 100.0


EXECUTION = 35.0  # only where the form has to be sworn to in person
EXPEDITE = 60.0
FAST_RETURN = 22.05


def passport_fee(document, renewal, expedited=False, fast_return=False):
    """All government fees of one passport application, in US dollars."""
    if document not in Document.__members__:
        raise ValueError(f"document must be one of {', '.join(Document.__members__)}")
    if renewal and document == "child_book":
        raise ValueError("a child's passport cannot be renewed, only applied for again")
    if fast_return and document == "adult_card":
        raise ValueError("cards are only sent by ordinary mail")
    items = [Document[document].value]
    if not renewal:
        items.append(EXECUTION)
    if expedited:
        items.append(EXPEDITE)
    if fast_return:
        items.append(FAST_RETURN)
    return {"total_fee": round(sum(items), 2), "paid_in_person": EXECUTION if not renewal else 0.0}
