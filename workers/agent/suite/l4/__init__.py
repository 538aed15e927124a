"""L4: long work: many turns, much text."""

from workers.agent.suite.l4 import (
    chronik,
    code_calc,
    code_log,
    code_plan,
    code_spans,
    code_stock,
    code_tally,
    long_context,
    session_cash,
    session_facts,
    session_lager,
    session_list,
)

TASKS = (
    *long_context.TASKS,
    *chronik.TASKS,
    *session_facts.TASKS,
    *session_cash.TASKS,
    *session_list.TASKS,
    *session_lager.TASKS,
    *code_stock.TASKS,
    *code_spans.TASKS,
    *code_log.TASKS,
    *code_tally.TASKS,
    *code_calc.TASKS,
    *code_plan.TASKS,
)
