"""What a host is and whether it is ready, told when it joins the fleet."""

from warehouse.errors import EngineError
from warehouse.rows import Host
from workers.doctor import Checked, Finding, examine
from workers.engine.build import probe
from workers.gpu import Nvml
from workers.inventory import inspect_host


def arrive(host_id: str, checked: Checked) -> tuple[Host, str | None, list[Finding]]:
    """The host's row, what its llama-server says of its build, and what the doctor found."""
    try:
        build: str | None = probe(checked.engine.binary, checked.engine.env).text
    except EngineError:
        build = None
    return inspect_host(host_id, Nvml()), build, examine(checked)
