"""What schemathesis is to do differently with this relay."""

import schemathesis


@schemathesis.hook
def before_call(_context, case, _kwargs) -> None:
    """Writes integers as integers.

    To JSON Schema 44.0 is one; the relay's description says that it takes 44 alone.
    """
    case.body = whole(case.body)


def whole(value):
    match value:
        case dict():
            return {name: whole(member) for name, member in value.items()}
        case list():
            return [whole(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value
