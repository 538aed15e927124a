"""Forms: their pages, what is wrong with what was sent, and the confirmation."""

from collections.abc import Iterator, Mapping
from html import escape

from workers.agent.world.facts import SEARCH_PATH, Facts, Form
from workers.agent.world.pages.markup import Page, items, paragraphs

_TITLES = {"/register": "Course registration", "/newsletter": "Newsletter"}
_LABELS = {
    "name": "Name",
    "email": "E-mail",
    "course": "Course",
    "seats": "Seats",
    "note": "Note (optional)",
    "edition": "Edition",
    "consent": "I agree to receive the newsletter",
}
_FIELD_MAX = 200


def pages(facts: Facts) -> Iterator[Page]:
    """The empty forms."""
    for form in (facts.register, facts.newsletter):
        yield form_page(form)


def form_page(form: Form, wrong: tuple[str, ...] = ()) -> Page:
    """A form, with what was wrong with it."""
    fields = "\n".join(_field(form, name) for name in (*form.required, *form.optional))
    body = (
        f"{items(escape(line) for line in wrong) if wrong else ''}"
        f'<form method="post" action="{form.path}">\n{fields}\n'
        '<p><button type="submit">Send</button></p></form>'
    )
    return Page(form.path, _TITLES[form.path], body)


def _field(form: Form, name: str) -> str:
    label = escape(_LABELS[name])
    choices = form.choices.get(name, ())
    if choices == ("yes",):
        entry = f'<input type="checkbox" name="{name}" value="yes">'
    elif choices:
        options = "".join(
            f'<option value="{escape(each)}">{escape(each)}</option>' for each in choices
        )
        entry = f'<select name="{name}"><option value="">choose</option>{options}</select>'
    else:
        entry = f'<input type="text" name="{name}" maxlength="{_FIELD_MAX}">'
    return f"<p><label>{label} {entry}</label></p>"


def wrong_with(form: Form, fields: Mapping[str, str]) -> tuple[str, ...]:
    """Why a form is not accepted, a line for each field."""
    wrong = []
    for name in form.required:
        value, choices = fields.get(name, "").strip(), form.choices.get(name)
        if not value:
            wrong.append(f"{name}: required")
        elif choices and value not in choices:
            wrong.append(f"{name}: one of {', '.join(choices)}")
        elif name == "email" and not _is_address(value):
            wrong.append("email: not an e-mail address")
    unknown = set(fields) - {*form.required, *form.optional}
    return (*wrong, *(f"{name}: no such field" for name in sorted(unknown)))


def _is_address(value: str) -> bool:
    user, _, host = value.partition("@")
    return bool(user) and "." in host.strip(".") and " " not in value


def confirmation(form: Form, code: str) -> Page:
    """The page that a valid form leads to."""
    texts = ("Thank you. We have received your form.", f"Your confirmation code is {code}.")
    return Page(form.confirmed_path, f"{_TITLES[form.path]}: confirmed", paragraphs(texts))


def search_form(query: str) -> str:
    """The field of the search page."""
    return (
        f'<form method="get" action="{SEARCH_PATH}"><p><label>Search '
        f'<input type="text" name="q" value="{escape(query)}"></label> '
        '<button type="submit">Search</button></p></form>\n'
    )
