"""Drives a guest with QEMU's own QMP client: prints what it learned, and ends the guest."""

import asyncio
import sys

from qemu.qmp import ExecuteError, QMPClient
from qemu.qmp.events import EventListener


async def main(path):
    client = QMPClient("test")
    listener = EventListener(names=("STOP", "RESUME"))
    client.register_listener(listener)
    await client.connect(path)
    learned = [(await client.execute("query-name"))["name"]]
    for command in (None, "stop", "cont"):
        if command:
            await client.execute(command)
        learned.append((await client.execute("query-status"))["status"])
    for _ in range(2):
        learned.append((await listener.get())["event"])
    try:
        await client.execute("migrate", {"uri": "bogus:1"})
    except ExecuteError as error:
        assert str(error) == "unknown migration protocol: bogus:1", error
    else:
        raise AssertionError("a migration to nowhere was accepted")
    await client.execute("quit")
    try:
        await client.disconnect()
    except EOFError:
        pass  # The machine has closed the connection first, as it should after quit.
    print(*learned)


asyncio.run(main(sys.argv[1]))
