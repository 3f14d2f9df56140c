"""seccomp: a filter in the kernel that refuses system calls which painting never makes.

A list of what is refused, not of what is allowed: libraries, drivers of GPUs above all, make whatever calls they like,
and one that is missed must not cost a picture. On it are starting programs, looking into other processes, namespaces
and mounts, the parts of the kernel in which most holes were found (bpf, io_uring, userfaultfd, keys, modules), and
sockets. Refused is EPERM, as of a person without the right.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Iterator

from engine.cage.kernel import libc

# By the number on x86_64 and on aarch64 (asm/unistd.h); None where there is no such call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other programs, other processes
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    # another view of files
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    # doors into the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    # the machine itself
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
}
# Calls of which some are allowed, or refused in another way.
SOCKET, CLONE, CLONE3, TGKILL, IOCTL = (41, 198), (56, 220), (435, 435), (234, 131), (16, 29)
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)  # what a download needs; 16 is AF_NETLINK, for DNS
NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW... that clone takes, linux/sched.h
TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX type into the operator's terminal

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the table, and AUDIT_ARCH
X32 = 0x40000000  # of x86_64: the same calls once more, in another numbering
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # in struct seccomp_data; an argument has 8 bytes, its lower half first
LOAD, IF_EQUAL, IF_LEAST, IF_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
ALLOW, REFUSE, UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
SECCOMP = (317, 277)
SET_FILTER, ALL_THREADS, AS_FAST_AS_BEFORE = (
    1,
    1,
    4,
)  # linux/seccomp.h; the last spares old kernels' SSBD, for all code

Instruction = tuple[int, int, int, int]  # code, how many to skip if true, if false, value


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def refuse(*, network: bool) -> bool:
    """Have the kernel refuse them to every thread of this process from now on; whether it does.

    The process must have given up new privileges before.
    """
    machine = platform.machine()
    if machine not in MACHINES or struct.calcsize("P") != 8:
        return False
    code = b"".join(struct.pack("HBBI", *one) for one in program(machine, os.getpid(), network=network))
    filtered = _Program(len(code) // 8, code)
    number = SECCOMP[MACHINES[machine][0]]
    return bool(libc().syscall(number, SET_FILTER, ALL_THREADS | AS_FAST_AS_BEFORE, ctypes.byref(filtered)) == 0)


def program(machine: str, pid: int, *, network: bool) -> list[Instruction]:
    """The filter as the kernel runs it for every call."""
    column, architecture = MACHINES[machine]
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (IF_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, REFUSE),  # calls of 32 bits, which this table does not number
        (LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        code += [(IF_LEAST, 0, 1, X32), (RETURN, 0, 0, REFUSE)]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            code += [(IF_EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    families = [step for one in FAMILIES for step in _equal(one, ALLOW)] if network else []
    code += _of(SOCKET[column], 0, [*families, (RETURN, 0, 0, REFUSE)])
    # What clone3 is asked for lies in memory, where a filter cannot look; without it the C library takes clone.
    code += _of(CLONE3[column], 0, [(RETURN, 0, 0, UNKNOWN)])
    code += _of(CLONE[column], 0, [(IF_ANY_BIT, 0, 1, NEW_NAMESPACES), (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)])
    # A thread may be told something by its own process, as abort() does.
    code += _of(TGKILL[column], 0, [*_equal(pid, ALLOW), (RETURN, 0, 0, REFUSE)])
    typing = [step for one in TERMINAL_INPUT for step in _equal(one, REFUSE)]
    code += _of(IOCTL[column], 1, [*typing, (RETURN, 0, 0, ALLOW)])
    return [*code, (RETURN, 0, 0, ALLOW)]


def _equal(value: int, then: int) -> Iterator[Instruction]:
    yield IF_EQUAL, 0, 1, value
    yield RETURN, 0, 0, then


def _of(number: int, argument: int, steps: list[Instruction]) -> list[Instruction]:
    """``steps`` with that argument of the call, if it is that one; they end with an answer."""
    steps = [(LOAD, 0, 0, ARGUMENTS + 8 * argument), *steps]
    return [(IF_EQUAL, 0, len(steps), number), *steps]
