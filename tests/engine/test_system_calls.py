"""Which system calls an engine in its cage can still make."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from engine import cage
from engine.cage import system_calls
from engine.cage.system_calls import ALLOW, CLONE, CLONE3, IOCTL, REFUSE, REFUSED, SOCKET, TGKILL, UNKNOWN

MACHINE = platform.machine()
ACTIONS = Path("/proc/sys/kernel/seccomp/actions_avail")
filtered = pytest.mark.skipif(
    MACHINE not in system_calls.MACHINES or not ACTIONS.exists(),
    reason="this kernel has no seccomp, or is unknown to us",
)
SHUT = """
import ctypes, errno, os, socket, subprocess, sys, threading
from engine import cage
refused = {}
def attempt(name, work):
    try:
        work()
    except OSError as error:
        refused[name] = errno.errorcode[error.errno]
def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), "")
ready, go = threading.Event(), threading.Event()
def earlier():
    ready.set()
    go.wait(20)
    attempt("socket of an earlier thread", socket.socket)
thread = threading.Thread(target=earlier)
thread.start()
ready.wait(20)
cage.enter(network=len(sys.argv) > 1)
held = cage.shut(network=len(sys.argv) > 1)
go.set()
thread.join()
"""


def run(root: Path, code: str, *more: str) -> str:
    """What a process prints that has shut its cage and then does this."""
    words = [sys.executable, "-P", "-c", f"{SHUT}{code}", *more]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@filtered
def test_it_starts_no_program_opens_no_socket_and_threads_that_were_there_do_not_either(root: Path) -> None:
    code = """
attempt("program", lambda: subprocess.run(["/bin/true"]))
attempt("socket", socket.socket)
attempt("local socket", lambda: socket.socket(socket.AF_UNIX))
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("namespace", lambda: call(%d, 0x10000011, 0, 0, 0, 0))
attempt("keystroke", lambda: __import__("fcntl").ioctl(0, 0x5412, b"x"))
print(sorted(set(refused.values())), len(refused), held)
"""
    column = system_calls.MACHINES[MACHINE][0]
    found = run(root, code % CLONE[column])
    assert found == f"['EPERM'] 7 {(cage.CALLS, cage.SOCKETS)}"


@filtered
def test_while_there_is_something_to_download_only_the_internet_is_left(root: Path) -> None:
    code = """
attempt("internet", socket.socket)
attempt("packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("ciphers of the kernel", lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))
attempt("program", lambda: subprocess.run(["/bin/true"]))
print(*sorted(refused), held)
"""
    assert run(root, code, "network") == f"ciphers of the kernel packets program {(cage.CALLS,)}"


@filtered
def test_what_a_painter_does_is_left_to_it(root: Path) -> None:
    code = """
import tempfile, time
found = []
thread = threading.Thread(target=lambda: found.append(sum(range(1000))))
thread.start(); thread.join()
with tempfile.TemporaryFile() as file:
    file.write(b"scratch")
    file.flush()
child = os.fork()
if child == 0:
    os._exit(7)
print(found, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(os.urandom(4)), time.time() > 0)
"""
    assert run(root, code) == "[499500] 7 4 True"


def answered(
    machine: str, number: int, *arguments: int, architecture: int = 0, network: bool = False, pid: int = 1
) -> int:
    """What the filter says to a call, worked out as the kernel does it."""
    arch = architecture or system_calls.MACHINES[machine][1]
    data = struct.pack("<IIQ6Q", number, arch, 0, *(*arguments, *[0] * (6 - len(arguments))))
    code, at, value = system_calls.program(machine, pid, network=network), 0, 0
    while True:
        kind, if_true, if_false, constant = code[at]
        at += 1
        match kind:
            case system_calls.LOAD:
                (value,) = struct.unpack_from("<I", data, constant)
            case system_calls.RETURN:
                return constant
            case system_calls.IF_EQUAL:
                at += if_true if value == constant else if_false
            case system_calls.IF_LEAST:
                at += if_true if value >= constant else if_false
            case system_calls.IF_ANY_BIT:
                at += if_true if value & constant else if_false
            case _:
                raise AssertionError(kind)


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_the_filter_refuses_the_list_on_both_kinds_of_machine(machine: str) -> None:
    column = system_calls.MACHINES[machine][0]
    for name, numbers in REFUSED.items():
        if numbers[column] is not None:
            assert answered(machine, numbers[column]) == REFUSE, name
    assert answered(machine, 0) == answered(machine, 1) == answered(machine, 98) == ALLOW
    assert answered(machine, CLONE3[column]) == UNKNOWN
    assert answered(machine, CLONE[column], 0x003D0F00) == ALLOW, "a thread, as glibc starts one"
    assert answered(machine, CLONE[column], 0x10000000 | 17) == REFUSE, "a namespace"
    assert answered(machine, TGKILL[column], 77, 78, pid=77) == ALLOW
    assert answered(machine, TGKILL[column], 1, 1, pid=77) == REFUSE
    assert answered(machine, IOCTL[column], 0, 0x5401) == ALLOW
    assert answered(machine, IOCTL[column], 0, 0x5412) == REFUSE
    assert answered(machine, IOCTL[column], 0, 0x1_0000_5412) == REFUSE, "the kernel reads 32 bits of it"


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_calls_in_another_numbering_are_refused(machine: str) -> None:
    assert answered(machine, 0, architecture=0x40000003) == REFUSE
    if machine == "x86_64":
        assert answered(machine, 0x40000000) == REFUSE


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_sockets_are_for_downloads(machine: str) -> None:
    number = SOCKET[system_calls.MACHINES[machine][0]]
    assert [answered(machine, number, family) for family in (1, 2, 10, 16, 17, 38, 40)] == [REFUSE] * 7
    found = [answered(machine, number, family, network=True) for family in (1, 2, 10, 16, 17, 38, 40)]
    assert found == [ALLOW] * 4 + [REFUSE] * 3


def test_the_numbers_are_those_that_libseccomp_knows() -> None:
    library = ctypes.util.find_library("seccomp")
    if library is None:
        pytest.skip("there is no libseccomp on this machine to ask")
    number_of = ctypes.CDLL(library).seccomp_syscall_resolve_name_arch
    number_of.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    others = {"socket": SOCKET, "clone": CLONE, "clone3": CLONE3, "tgkill": TGKILL, "ioctl": IOCTL}
    for name, numbers in (REFUSED | others | {"seccomp": system_calls.SECCOMP}).items():
        for column, architecture in system_calls.MACHINES.values():
            known = number_of(architecture, name.encode())
            assert numbers[column] == (known if known >= 0 else None), name
