"""Tools that tasks offer together: what is offered is more than what is needed."""

from typing import Final

WEB: Final = ("web_fetch", "web_search")
FILES: Final = ("list_files", "read_file", "write_file")
BROWSER: Final = ("navigate", "snapshot", "click", "type", "screenshot")
OFFICE: Final = (*WEB, *FILES, "send")
"""Web, files and mailbox."""
BROWSING: Final = (*BROWSER, *OFFICE)
"""The same with a browser."""
CODE: Final = (*FILES, "run_python", "run_tests")
