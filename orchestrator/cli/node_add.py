"""`herd node add`."""

import os
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.checked import checked_on_node
from orchestrator.cli.output import print_table
from orchestrator.fleet import bootstrap
from orchestrator.fleet.cluster import Cluster
from orchestrator.fleet.errand import run_on
from orchestrator.fleet.head import address_towards, start_head
from orchestrator.fleet.pasted import offered
from orchestrator.fleet.ports import FIRST_PORT
from orchestrator.fleet.registry import NodeRecord, Seen
from orchestrator.fleet.remote import ssh_remote
from orchestrator.settings import configuration
from orchestrator.this_host import host_label
from warehouse.errors import FleetError, HeldError
from warehouse.lock import Holder
from warehouse.rows import Host
from warehouse.storage import Storage, storage_at
from warehouse.store import writing
from workers.arrival import arrive
from workers.doctor import Checked

_PASTE_LIMIT_S = 900.0
_ANYWHERE = "198.51.100.1"
"""An address of nobody (RFC 5737): the way there is the way out of this host."""


@click.command("add")
@click.argument("label")
@click.argument("overrides", nargs=-1)
@click.option("--ssh", metavar="USER@HOST", help="Without it a command to paste there is printed.")
@click.option(
    "--ssh-config",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help="File for ssh's -F: port, key, jump host.",
)
@click.option("--head-address", help="IP by which the node reaches this host; else found out.")
@click.option(
    "--head-port",
    type=click.IntRange(1025, 65000),
    default=FIRST_PORT,
    show_default=True,
    help="First of the fleet's ports, when the head starts.",
)
@click.pass_obj
def add_node(
    config_dir: Path | None,
    label: str,
    overrides: tuple[str, ...],
    ssh: str | None,
    ssh_config: str | None,
    head_address: str | None,
    head_port: int,
) -> None:
    """Take a host into the fleet under the name LABEL; again, to bring it this herd's code.

    It needs Linux, Python of this minor version, and ssh without a password. OVERRIDES as for
    `herd doctor` choose what it is checked for.
    """
    config = configuration(overrides, config_dir)
    bootstrap.check_label(label)
    wanted = bootstrap.Wanted(label, host_label(config), head_port, head_address)
    bootstrap.refuse_other(label, "ssh" if ssh else "command", wanted.own_label)
    if ssh is not None:
        python, _ = bootstrap.add_over_ssh(wanted, ssh_remote(ssh, ssh_config), _tell)
        record = bootstrap.new_record(label, "ssh", ssh=ssh, ssh_config=ssh_config, python=python)
    else:
        record = _add_by_command(wanted)
    bootstrap.enroll(record)
    _welcome(record, checked_on_node(config), storage_at(config.warehouse.uri))


def _add_by_command(wanted: bootstrap.Wanted) -> NodeRecord:
    address = wanted.head_address or address_towards(_ANYWHERE)
    head = start_head(address, wanted.port, wanted.own_label)
    before = bootstrap.incarnations(wanted.label)
    with offered(wanted.label, head) as (offer, (command, script)):
        _tell(f"run this on {wanted.label}, within {_PASTE_LIMIT_S / 60:.0f} minutes:")
        click.echo(f"\n{command}\n")
        _tell(f"or, with a copy of scripts/join-node there: {script}")
        if not offer.joined.wait(_PASTE_LIMIT_S):
            raise FleetError(offer.refused or "nobody ran the command: `herd node add` again")
    bootstrap.wait_joined(wanted.label, before, lambda: "see its terminal")
    return bootstrap.new_record(wanted.label, "command", python=offer.python)


def _note(storage: Storage, host: Host) -> None:
    """Into the warehouse, where `herd plan` looks; a sweep that holds it sees the host itself."""
    now = datetime.now(UTC)
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), what="node add", since=now)
    with (
        suppress(HeldError),
        writing(storage, holder, wait=False, on_wait=lambda _: None) as warehouse,
    ):
        warehouse.write_host(host, f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}")


def _welcome(record: NodeRecord, checked: Checked, storage: Storage) -> None:
    """Look at the host through the cluster, write down what it is, and print it."""
    cluster = Cluster.open()
    if cluster is None:
        raise FleetError("the head is gone: `herd node list`")
    began = time.monotonic()
    host, build, findings = run_on(cluster, record.label, arrive, record.label, checked)
    seen = Seen(
        hardware_class=host.hardware_class,
        gpus=tuple(gpu.name for gpu in host.gpus),
        engine_build=build,
        python=host.python,
        driver=host.driver,
    )
    bootstrap.enroll(replace(record, seen=seen))
    _note(storage, host)
    _tell(f"{record.label} joined: {host.hardware_class} ({time.monotonic() - began:.1f} s)")
    print_table(
        ("check", "state", "found"), [(f.check, f.state, f.found) for f in findings], "table"
    )


def _tell(line: str) -> None:
    click.echo(line, err=True)
