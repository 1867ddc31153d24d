APPLICATION = {"adult_book": 130.0, "adult_card": 30.0, "child_book": 100.0}
EXECUTION = 35.0  # only where the form has to be sworn to in person
EXPEDITE = 60.0
FAST_RETURN = 22.05


def passport_fee(document, renewal, expedited=False, fast_return=False):
    """All government fees of one passport application, in US dollars."""
    if document not in APPLICATION:
        raise ValueError(f"document must be one of {', '.join(APPLICATION)}")
    if renewal and document == "child_book":
        raise ValueError("a child's passport cannot be renewed")
    fee = APPLICATION[document]
    fee += 0 if renewal else EXECUTION
    fee += EXPEDITE if expedited else 0
    fee += FAST_RETURN if fast_return else 0
    return {"total_fee": round(fee, 2)}
