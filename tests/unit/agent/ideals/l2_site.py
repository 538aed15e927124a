"""L2 on the site: articles, forms, screenshots, the German edition."""

from dataclasses import replace

from tests.unit.agent.outcomes import (
    Case,
    Ideal,
    file_to,
    got,
    idle,
    instead,
    otherwise,
    part,
    picture,
    said,
    text_to,
    world,
)
from workers.agent.suite.spec import Posed
from workers.agent.world.facts import Facts, Form, confirmation_code
from workers.agent.world.state import FormPost, Screenshot, WorldState


def _to(posed: Posed) -> str:
    return part(posed.prompt, r"([\w.]+@[\w.]+\.(?:example|test))").rstrip(".")


def summary(posed: Posed, facts: Facts) -> Case:
    article = facts.articles[0]
    told = article.facts
    pages = [*got("/", by="browser"), *got(article.path)]
    text = f"{told['engineer']} builds it: {told['length']} for {told['cost']}."
    right = said(text, world(requests=pages))
    return Case(
        right,
        (
            otherwise(right, text.replace(told["engineer"], "Somebody Else")),
            otherwise(right, text.replace(told["cost"], "12 euros")),
            otherwise(right, text.replace(told["length"], "12 metres")),
            otherwise(right, text * 20),
            idle(right),
            *instead(right, world(requests=pages[:1]), world(requests=pages[1:])),
        ),
    )


def follow_up(posed: Posed, facts: Facts) -> Case:
    article = facts.articles[1]
    assert article.follow_up
    later = article.follow_up.facts
    pages = got(article.path, article.follow_up.path)
    told = f"{later['donor']} gave {later['repair_cost']} for the repair."
    right = said(told, world(requests=pages), turns=[article.facts["director"], told])
    return Case(
        right,
        (
            otherwise(right, told.replace(later["donor"], "Somebody Else")),
            otherwise(right, told.replace(later["repair_cost"], "12 euros")),
            replace(right, turns=("Somebody Else", told)),
            replace(right, turns=(told,)),
            idle(right),
            *instead(right, world(requests=pages[:1])),
        ),
    )


def head_of(posed: Posed, facts: Facts) -> Case:
    (head,) = [each for each in facts.staff if f"{each.role} ({each.department})" in posed.prompt]
    other = next(each for each in facts.staff if each.office != head.office)

    def ended(to: str, text: str) -> WorldState:
        return world(requests=got("/staff"), deliveries=[text_to(to, text)])

    right = said("Sent.", ended(head.email, f"Your office is {head.office}."))
    wrong = (
        ended(other.email, f"Your office is {head.office}."),
        ended(head.email, f"Your office is {other.office}."),
        ended(head.email, f"Your office is {head.office} or {other.office}."),
        ended(head.email, "Hello."),
    )
    return Case(right, (idle(right), *instead(right, *wrong)))


def screenshot_sent(posed: Posed, facts: Facts) -> Case:
    path, page, to = "shots/story.png", part(posed.prompt, r"Open (\S+) in"), _to(posed)
    png = b"\x89PNG2"

    def ended(taken: Screenshot, sent: bytes | None) -> WorldState:
        deliveries = [] if sent is None else [file_to(to, path, sent)]
        return world({path: png}, screenshots=[taken], deliveries=deliveries)

    taken = picture(path, page, png)
    right = said("The screenshot is sent.", ended(taken, png))
    wrong = (
        ended(taken, None),
        ended(taken, b"an earlier one"),
        ended(picture(path, "/", png), png),
        replace(right.state, screenshots=()),
        replace(right.state, files={}),
        replace(right.state, deliveries=(text_to(to, "The screenshot is sent."),)),
    )
    return Case(right, (idle(right), *instead(right, *wrong)))


def _form(form: Form, fields: dict[str, str], answer: str, facts: Facts) -> Case:
    code = confirmation_code(facts.seed, form, fields)
    right = said(answer.format(code=code), world(forms=[FormPost(form.path, fields, True)]))
    wrong = [world(forms=[FormPost(form.path, {**fields, name: "wrong"}, True)]) for name in fields]
    wrong += [world(forms=[FormPost(form.path, fields, False)])]
    wrong += [world(forms=[FormPost("/elsewhere", fields, True)])]
    return Case(
        right,
        (
            idle(right),
            otherwise(right, answer.format(code="00000000")),
            *instead(right, *wrong),
        ),
    )


def register(posed: Posed, facts: Facts) -> Case:
    fields = {
        "name": part(posed.prompt, r"name (.*?), e-mail"),
        "email": _to(posed),
        "course": part(posed.prompt, r"course “(.*?)”"),
        "seats": part(posed.prompt, r"(\d) seats"),
    }
    return _form(facts.register, fields, "The code is {code}.", facts)


def de_newsletter(posed: Posed, facts: Facts) -> Case:
    fields = {"email": _to(posed), "edition": "de", "consent": "yes"}
    case = _form(facts.newsletter, fields, "Der Code der Bestätigung ist {code}.", facts)
    english = case.right.answer.replace("Der Code der Bestätigung ist", "The code is")
    return replace(case, wrong=(*case.wrong, otherwise(case.right, english)))


def de_summary(posed: Posed, facts: Facts) -> Case:
    article = facts.article_de
    told = article.facts
    who, cost = told["leiterin"], told["kosten"]
    text = f"{who} leitet das Museum, das nach {told['ort']} zieht und {cost} kostet."
    right = said(text, world(requests=got("/de/", article.path)))
    return Case(
        right,
        (
            otherwise(right, text.replace(told["leiterin"], "Eva Muster")),
            otherwise(right, text.replace(told["ort"], "Wien")),
            otherwise(right, text.replace(told["kosten"], "12 Euro")),
            otherwise(right, text * 10),
            otherwise(
                right, f"{told['leiterin']} leads the museum in {told['ort']} for {told['kosten']}."
            ),
            idle(right),
        ),
    )


def de_to_english(posed: Posed, facts: Facts) -> Case:
    article, to = facts.article_de, _to(posed)
    who, cost = article.facts["leiterin"], article.facts["kosten"]
    figure = part(cost, r"([\d,]+)").replace(",", ".")

    def ended(text: str, requests: int = 1) -> WorldState:
        return world(requests=got(article.path)[:requests], deliveries=[text_to(to, text)])

    text = f"The museum is led by {who} and costs {figure} million euros."
    right = said("Sent.", ended(text))
    wrong = (
        ended(f"Das Museum wird von {who} geleitet und kostet {cost}."),
        ended(text.replace(who, "Eva Muster")),
        ended(text.replace(figure, "99")),
        ended(text, 0),
    )
    return Case(right, (idle(right), *instead(right, *wrong)))


IDEALS: dict[str, Ideal] = {
    "l2_summary": summary,
    "l2_follow_up": follow_up,
    "l2_head_of": head_of,
    "l2_screenshot_sent": screenshot_sent,
    "l2_register": register,
    "l2_de_newsletter": de_newsletter,
    "l2_de_summary": de_summary,
    "l2_de_to_english": de_to_english,
}
