"""L2 reasoning over the site's tables: a basket from the price list, a train from the timetable."""

from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import draw, listed
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import PRODUCTS_PATH, TRAINS_PATH, Facts, Train


def _basket(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_basket", seed)
    enough = [each for each in facts.products if each.in_stock >= 2]
    goods = source.sample(enough, 3)
    wanted = [(each, source.randrange(1, min(6, each.in_stock) + 1)) for each in goods]
    order = listed([f"{count} x {product.name}" for product, count in wanted])
    total = sum(product.price_eur * count for product, count in wanted)
    return posed(
        f"What does this order cost by the site's price list ({PRODUCTS_PATH}): {order}? Answer "
        "with the sum in euros, a number only.",
        effects.visited(PRODUCTS_PATH),
        demands.number(total),
    )


def _train(facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_train", seed)
    wanted = source.choice([each for each in facts.trains if _has_later(facts, each)])
    to_there = [each for each in facts.trains if each.destination == wanted.destination]
    hour, minute = map(int, wanted.arrives.split(":"))
    latest = f"{hour:02d}:{min(59, minute + source.randrange(1, 5)):02d}"
    best = max((each for each in to_there if each.arrives <= latest), key=lambda each: each.departs)
    others = [each.number for each in to_there if each != best]
    return posed(
        f"By the timetable {TRAINS_PATH}, which train to {wanted.destination} leaves last and "
        f"still arrives by {latest}? Answer with its number and its platform.",
        effects.visited(TRAINS_PATH),
        demands.says(best.number),
        demands.figures(best.platform),
        demands.says_none(*others),
        demands.words_at_most(25),
    )


def _has_later(facts: Facts, train: Train) -> bool:
    """Whether a later train to the same place comes too late: then there is a choice."""
    return any(
        each.destination == train.destination
        and each.departs > train.departs
        and each.arrives > f"{train.arrives[:3]}59"
        for each in facts.trains
    )


TASKS = (
    Task(
        name="l2_basket",
        level=Level.L2,
        task_class=TaskClass.REASONING,
        asks="the sum of an order by the price list",
        checks="the price list was fetched; the sum",
        pose=_basket,
        tools=toolsets.OFFICE,
        messages_max=24,
        context_min_n=4096,
        language=None,
    ),
    Task(
        name="l2_train",
        level=Level.L2,
        task_class=TaskClass.REASONING,
        asks="the last train that arrives in time, and its platform",
        checks="the timetable was fetched; that train and platform, no other train",
        pose=_train,
        tools=toolsets.OFFICE,
        messages_max=24,
        context_min_n=4096,
    ),
)
