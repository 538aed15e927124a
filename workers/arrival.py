"""What a host is and whether it is ready, told when it joins the fleet."""

from warehouse.rows import Host
from workers.doctor import Checked, Finding, examine
from workers.gpu import Nvml
from workers.look import look_at_host


def arrive(host_id: str, checked: Checked) -> tuple[Host, str | None, list[Finding]]:
    """The host's row, what its llama-server says of its build, and what the doctor found."""
    host, engines = look_at_host(host_id, (checked.engine,), Nvml())
    build = engines[checked.engine.probe_key]
    return host, build.text if build else None, examine(checked)
