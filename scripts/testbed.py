"""Programs that a campaign starts, and where storage nodes stand.

loopback  `calvo realrun` and `calvo calibrate` start storage nodes of their own on this machine
netns     storage nodes stand in the network namespaces of scripts/netns_testbed.sh, behind shaped
          links; fresh ones for each run, so that every run finds the pool in the same state
"""
import contextlib
import ctypes
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import time

PORT = 4711
PATIENCE_S = 60  # for a node to listen, and for a program to end after it was asked to


class Interrupted(Exception):
    """Ctrl-C, or SIGTERM."""


class Failed(Exception):
    """A program that was started did not do its work."""


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Programs:
    """Runs one program at a time and passes signals on to it; nothing outlives it."""

    def __init__(self, log):
        self.log = log
        self.signals = 0
        self.child = None
        self.told = 0  # of the signals, those that the child has been sent
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number, _frame):
        self.signals += 1
        self._tell_child()

    def _tell_child(self):
        if self.child and self.told < min(self.signals, 2):
            self.told += 1
            self.child.send_signal(signal.SIGINT if self.told == 1 else signal.SIGKILL)

    def check_stop(self):
        if self.signals:
            raise Interrupted

    def start(self, arguments):
        """In a session of its own: the terminal's Ctrl-C reaches it through this program, once."""
        self.log.write(f"$ {shlex.join(map(str, arguments))}\n")
        self.log.flush()
        return subprocess.Popen([str(argument) for argument in arguments], stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
                                preexec_fn=_die_with_parent)

    def run(self, arguments, accept=(0,)):
        """Waits for a program and returns its exit code; raises Failed if that is another one."""
        self.check_stop()
        self.child = self.start(arguments)
        self._tell_child()  # of a signal that came meanwhile
        try:
            code = self.child.wait()
        finally:
            self.child = None
        self.check_stop()
        if code not in accept:
            raise Failed(f"ended with exit code {code}: {shlex.join(map(str, arguments))}\n"
                         f"{tail(self.log.name)}")
        return code

    def end(self, child):
        """Ends a program that runs beside others."""
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def tail(path, lines=15):
    """What a log says at its end, down from the last command."""
    text = pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:]
    starts = [i for i, line in enumerate(text) if line.startswith("$ ")]
    return "\n".join("  " + line for line in text[starts[-1] + 1 if starts else 0:])


class Loopback:
    """Nodes that the programs start themselves, and that pace themselves."""
    name = "loopback"

    def __init__(self, rate):
        self.rate = rate

    @contextlib.contextmanager
    def nodes(self, _scenario, _fabric, _pool):
        yield ["--pace", self.rate]


class Netns:
    """Inside of `netns_testbed.sh exec`, which says what there is."""
    name = "netns"

    def __init__(self, calvo, programs, core):
        self.calvo = calvo
        self.programs = programs
        self.pinned = [] if core is None else ["taskset", "--cpu-list", core]
        self.places = [entry.split("=") for entry in os.environ["CALVO_NETNS"].split()]
        self.key = os.environ["CALVO_KEY_FILE"]

    @contextlib.contextmanager
    def nodes(self, scenario, fabric, pool):
        """Fresh nodes for a scenario (file and overrides), what lies in their pools by `pool`;
        yields the arguments by which an engine finds them."""
        children = []
        try:
            for index, (name, address) in enumerate(self.places):
                children.append(self.programs.start(
                    ["ip", "netns", "exec", name, *self.pinned, self.calvo, "kvnode", "--scenario", *scenario,
                     "--node", index, "--fabric", fabric, *pool, "--bind", address, "--port", PORT,
                     "--key-file", self.key, "--die-with-parent"]))
            for child, (_, address) in zip(children, self.places):
                self._wait_until_it_listens(child, address)
            found = [word for _, address in self.places for word in ("--node", f"{address}:{PORT}")]
            yield [*found, "--key-file", self.key]
        finally:
            for child in children:
                self.programs.end(child)

    def _wait_until_it_listens(self, child, address):
        limit = time.monotonic() + PATIENCE_S
        while True:
            self.programs.check_stop()
            try:
                socket.create_connection((address, PORT), 1).close()
                return
            except OSError:
                if child.poll() is not None or time.monotonic() > limit:
                    raise Failed(f"the storage node at {address} does not listen\n"
                                 f"{tail(self.programs.log.name)}") from None
                time.sleep(0.05)


def enter_netns(campaign, arguments, calvo):
    """Goes on as a child of netns_testbed.sh, unless it is one already. Does not return then."""
    if "CALVO_NETNS" in os.environ:
        return
    script = pathlib.Path(__file__).with_name("netns_testbed.sh")
    bed = campaign.testbed
    sys.stdout.flush()
    os.execv(script, [str(script), "--nodes", str(bed.nodes), "--rate", bed.tc_rate(), "--burst",
                      bed.tc_burst(), "--calvo", str(calvo), "exec", sys.executable, *arguments])
