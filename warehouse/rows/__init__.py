"""Every table of the warehouse as a frozen dataclass; `warehouse.schemas` derives Arrow from it.

A column's annotation holds its type and its meaning; the unit is the suffix of the name
(`_ms`, `_mib`, `_tok_s`, `_w`, `_j`, ...). Later versions only add nullable columns.
"""

from warehouse.rows.agents import AgentRun, AgentTurn, Quality, ToolCall
from warehouse.rows.base import Axes, Row
from warehouse.rows.cells import Cell, ContextProbe, DepthRun, Prefill, Trial
from warehouse.rows.hosts import Calibration, Gpu, Host, Model, SeenDevice, SeenEngine
from warehouse.rows.imports import Import
from warehouse.rows.launches import Launch, Memory, Telemetry
from warehouse.rows.loads import LoadStep, Request, StabilityRound
from warehouse.rows.plans import PlannedCell, PredictedMemory, Sweep

SCHEMA_VERSION = 1

TABLES: tuple[type[Row], ...] = (
    Sweep,
    PlannedCell,
    PredictedMemory,
    Host,
    Model,
    Launch,
    Memory,
    Cell,
    Trial,
    ContextProbe,
    Prefill,
    DepthRun,
    LoadStep,
    Request,
    StabilityRound,
    AgentRun,
    AgentTurn,
    ToolCall,
    Quality,
    Telemetry,
    Calibration,
    Import,
)

__all__ = [
    "SCHEMA_VERSION",
    "TABLES",
    "AgentRun",
    "AgentTurn",
    "Axes",
    "Calibration",
    "Cell",
    "ContextProbe",
    "DepthRun",
    "Gpu",
    "Host",
    "Import",
    "Launch",
    "LoadStep",
    "Memory",
    "Model",
    "PlannedCell",
    "PredictedMemory",
    "Prefill",
    "Quality",
    "Request",
    "Row",
    "SeenDevice",
    "SeenEngine",
    "StabilityRound",
    "Sweep",
    "Telemetry",
    "ToolCall",
    "Trial",
]
