"""L2 browser automation: a screenshot delivered, a form filled in."""

from functools import partial

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import PEOPLE, SURNAMES, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, Need, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts, confirmation_code


def _deliver(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_screenshot_sent", seed)
    story, to = source.choice(facts.headlines), f"{source.choice(PEOPLE).lower()}@desk.example"
    return posed(
        f"Open {story.path} in the browser, make a screenshot, save it as shots/story.png and send "
        f"that file to {to}.",
        effects.shot("shots/story.png", story.path),
        effects.file_sent(to, "shots/story.png"),
        effects.sent_only_to(to),
    )


def _register(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_register", seed)
    first, last = source.choice(PEOPLE), source.choice(SURNAMES)
    fields = {
        "name": f"{first} {last}",
        "email": f"{first.lower()}.{last.lower()}@home.example",
        "course": source.choice(facts.register.choices["course"]),
        "seats": str(source.randrange(2, 7)),
    }
    return posed(
        f"Fill in the form {facts.register.path} in the browser and submit it: name "
        f"{fields['name']}, e-mail {fields['email']}, course “{fields['course']}”, "
        f"{fields['seats']} seats. Tell me the confirmation code that the next page shows.",
        effects.form_sent(facts.register.path, fields),
        demands.says(confirmation_code(facts.seed, facts.register, fields)),
    )


def _newsletter(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_newsletter", seed)
    email = f"{source.choice(PEOPLE).lower()}{source.randrange(10, 99)}@home.example"
    fields = {"email": email, "edition": "de", "consent": "yes"}
    return posed(
        f"Melde {email} im Browser mit dem Formular {facts.newsletter.path} für die deutsche "
        "Ausgabe des Newsletters an; der Einwilligung darfst du zustimmen. Nenne mir danach in "
        "einem deutschen Satz den Code der Bestätigung.",
        effects.form_sent(facts.newsletter.path, fields),
        demands.says(confirmation_code(facts.seed, facts.newsletter, fields)),
        demands.german(),
    )


_task = partial(
    Task,
    level=Level.L2,
    task_class=TaskClass.BROWSER,
    tools=toolsets.BROWSING,
    needs=frozenset({Need.BROWSER}),
    messages_max=40,
    context_min_n=8192,
)

TASKS = (
    _task(
        name="l2_screenshot_sent",
        asks="a screenshot of a story, saved in a folder and sent",
        checks="the browser made that file of that page; the mailbox has the same bytes",
        pose=_deliver,
        effects=(Effect.SCREENSHOT_TAKEN, Effect.FILE_SENT),
    ),
    _task(
        name="l2_register",
        asks="a form of four fields filled in and submitted",
        checks="the form was accepted with these fields; the code of the confirmation",
        pose=_register,
        effects=(Effect.FORM_SUBMITTED,),
    ),
    _task(
        name="l2_de_newsletter",
        asks="a subscription by a form, with choice and consent (German)",
        checks="the form was accepted with these fields; the code, in a German sentence",
        pose=_newsletter,
        effects=(Effect.FORM_SUBMITTED,),
        language="de",
    ),
)
